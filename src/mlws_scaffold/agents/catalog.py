"""`agent.yaml`: identity and rules of a prototype or production agent, and the list of all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from mlws_scaffold.adapters import documents
from mlws_scaffold.adapters.schema import Strict
from mlws_scaffold.workspace.layout import AGENT, Layout


class Slo(Strict):
    latency_p95: str | float | None = Field(None, description="a time such as 5s")
    error_rate: float | None = Field(None, ge=0, le=1, description="a share such as 0.01")


class PromotedFrom(Strict):
    path: str
    commit: str
    run_id: str | None = None


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
