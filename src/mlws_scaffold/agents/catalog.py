"""`agent.yaml`: identity and rules of a prototype or production agent, and the list of all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from mlws_scaffold.adapters import documents
from mlws_scaffold.adapters.schema import Strict
from mlws_scaffold.errors import InvalidFile, Problem, UsageError, did_you_mean
from mlws_scaffold.workspace.layout import AGENT, Layout


class Slo(Strict):
    latency_p95: str | float | None = Field(None, description="a time such as 5s")
    error_rate: float | None = Field(None, ge=0, le=1, description="a share such as 0.01")


class PromotedFrom(Strict):
    path: str
    commit: str
    run_id: str | None = None
    metrics: Mapping[str, float] = Field(default_factory=dict)


class Agent(Strict):
    """What `agent.yaml` says. The model is a key of `models/registry.yaml`."""

    name: str = Field(description="the name of the folder")
    owner: str = Field(description="a handle from [team] of mlws.toml")
    model: str = Field(description="a key of models/registry.yaml")
    tier: str | None = None
    slo: Slo | None = None
    promoted_from: PromotedFrom | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A folder below `agents/`, its track, and its declaration."""

    folder: Path
    track: Literal["prototype", "production"]
    agent: Agent


def load(folder: Path, name: str = "") -> Agent:
    """Read and judge the `agent.yaml` of a folder. Raises InvalidFile."""
    return documents.validate(
        Agent, documents.read(folder / AGENT, name or f"{folder.name}/{AGENT}")
    )


def folders(layout: Layout) -> list[tuple[Path, Literal["prototype", "production"]]]:
    """All agent folders with their track, prototypes first."""
    prototypes: list[tuple[Path, Literal["prototype", "production"]]]
    prototypes = [(folder, "prototype") for folder in layout.prototypes()]
    return prototypes + [(folder, "production") for folder in layout.agents()]


def every(layout: Layout) -> tuple[list[Found], list[Problem]]:
    """All agents, prototypes first, and what is wrong with the `agent.yaml` of the others."""
    found: list[Found] = []
    problems: list[Problem] = []
    for folder, track in folders(layout):
        try:
            name = layout.relative(folder / AGENT)
            found.append(Found(folder, track, load(folder, name)))
        except InvalidFile as error:
            problems.extend(error.problems)
    return found, problems


def find(layout: Layout, text: str) -> Found:
    """The agent that a name or a folder means; a name with both tracks means production.

    Raises UsageError when there is none, InvalidFile when its `agent.yaml` is broken.
    """
    known = folders(layout)
    wanted = text.rstrip("/")
    for folder, track in reversed(known):
        if wanted in (folder.name, layout.relative(folder), str(folder)):
            return Found(folder, track, load(folder, layout.relative(folder / AGENT)))
    names = {folder.name for folder, _ in known}
    cure = did_you_mean(text, names) if names else "there is none yet: mlws-new prototype NAME"
    raise UsageError(f"no agent {text!r} here", cure)
