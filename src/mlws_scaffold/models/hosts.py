"""On which server a model is looked at, and under which names it stands there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from mlws_scaffold.adapters import ollama
from mlws_scaffold.workspace.config import Workspace

Stage = Literal["testing", "staging", "production"]

PRODUCTION = "production"


def host_of(place: Workspace, environment: Mapping[str, str], named: str = "") -> str:
    """Address of this machine's server: named, MLWS_MODELS_HOST, OLLAMA_HOST, mlws.toml.

    Raises UsageError when it is no address.
    """
    own = place.config.models.host
    if "models.host" not in place.sources:
        own = environment.get("OLLAMA_HOST", "").strip() or own
    return ollama.address(named or own)


def stage_host(place: Workspace, stage: Stage, environment: Mapping[str, str]) -> str:
    """Address of the server of a stage: that of `[models.hosts]`, else this machine's own.

    Raises UsageError when it is no address.
    """
    return host_of(place, environment, getattr(place.config.models.hosts, stage))


def remarks(place: Workspace, stage: Stage) -> list[str]:
    """What is doubtful: production that is another server on each machine."""
    if stage != PRODUCTION or place.config.models.hosts.production:
        return []
    return ["[models.hosts] production names no server, so production is this machine's own"]


def alias(key: str) -> str:
    """The name that production asks for: `KEY:production`, also for a model that is pulled.

    Two entries may share the part before the colon of their own names; keys are never shared.
    """
    return f"{key}:{PRODUCTION}"


def kept(key: str, version: str) -> str:
    """The name under which a version stays on the production server: `KEY:VERSION`."""
    return f"{key}:{version}"
