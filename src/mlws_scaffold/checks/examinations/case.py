"""What an examination is given, and the finding it comes back with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.workspace.config import Config, Workspace

State = Literal["ok", "warning", "failure", "unknown"]
SETUP = "run scripts/setup-env.sh"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing examined. Everything that is not ok has a cure."""

    name: str
    state: State
    detail: str
    cure: str = ""

    def __post_init__(self) -> None:
        if (self.state == "ok") == bool(self.cure):
            raise ValueError(
                f"{self.name}: a cure belongs to every finding that is not ok, and no other"
            )


Findings = Iterator[Finding]


@dataclass(frozen=True, slots=True)
class Case:
    """The workspace under examination, with the answers and the environment that count for it."""

    place: Workspace
    answers: Mapping[str, Any]
    environment: Mapping[str, str]
    mounts: Path = Path("/proc/mounts")

    @property
    def root(self) -> Path:
        return self.place.root

    @property
    def config(self) -> Config:
        return self.place.config

    @property
    def git(self) -> Git:
        return Git(self.root)
