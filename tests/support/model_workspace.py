"""A workspace with models, and a sync of it with no patience and no network beyond the fake."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from mlws_scaffold.adapters.ollama import Progress, Remote
from mlws_scaffold.models.progress import Watch
from mlws_scaffold.models.sync import execute, plan
from mlws_scaffold.models.sync.execute import Options
from mlws_scaffold.models.sync.plan import Plan
from mlws_scaffold.models.sync.report import Report
from mlws_scaffold.models.sync.server import Patience
from mlws_scaffold.workspace.config import Workspace, load
from tests.support import tiny_workspace

IMPATIENT = Patience(stall=10, answer=10, pauses=())


def unwatched(_key: str, _progress: Progress) -> None:
    """The progress is not looked at."""


def unknown(_name: str) -> Remote | None:
    """A registry that does not answer."""
    return None


def make(folder: Path, models: Mapping[str, Any], config: str = "") -> Workspace:
    """A workspace with these entries; the value of a custom one may be its Modelfile's text."""
    root = tiny_workspace.make(folder, registry="models: {}\n", config=config)
    write(root, models)
    return load(root, {})


def write(root: Path, models: Mapping[str, Any]) -> None:
    """Replace registry and Modelfiles. A text with FROM is a Modelfile, another one a name."""
    entries: dict[str, Any] = {}
    (root / "modelfiles").mkdir(exist_ok=True)
    for key, value in models.items():
        entries[key] = value
        if isinstance(value, str) and "FROM" in value:
            path = f"modelfiles/{key}.Modelfile"
            (root / path).write_text(value)
            entries[key] = {"source": "custom", "modelfile": path}
        elif isinstance(value, str):
            entries[key] = {"source": "ollama", "model_name": value}
    (root / "models/registry.yaml").write_text(yaml.safe_dump({"models": entries}, sort_keys=False))


def sync(place: Workspace, host: str, *keys: str, watch: Watch = unwatched, **how: Any) -> Report:
    """A sync that tries once and asks no registry, unless told otherwise."""
    given = {"patience": IMPATIENT, "remote": unknown, "environment": {}, **how}
    return execute.sync(place, host, watch, Options(keys=keys, **given))


def states(found: Report | Plan) -> dict[str, str]:
    """State by Ollama's name, in the order of the work."""
    if isinstance(found, Plan):
        return {step.wish.name: step.state for step in found.steps}
    return {result.name: result.state for result in found.results}


def planned(place: Workspace, host: str, keys: Iterable[str] = ()) -> Plan:
    return plan.make(place, host, tuple(keys))
