"""What every set-up step is given, and what it says back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.models.progress import Watch
from mlws_scaffold.workspace.config import Workspace

State = Literal["done", "skipped", "failed"]
# State, detail and, where there is something to do, the cure.
Outcome = tuple[State, str] | tuple[State, str, str]
LATER = "later: mlws setup"


@dataclass(frozen=True, slots=True)
class StepReport:
    """What became of one step, and what a person can do about it (empty: nothing)."""

    name: str
    state: State
    detail: str
    cure: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """The report as people read it."""
        detail = self.detail.replace("\n", "\n" + " " * 9)
        first = f"{self.state:<8} {self.name}: {detail}"
        return (first, f"         -> {self.cure}") if self.cure else (first,)


@dataclass(frozen=True, slots=True)
class Setting:
    """What every step may know. `again`: called as `mlws setup`, not after generating."""

    place: Workspace
    answers: Mapping[str, Any]
    again: bool
    watch: Watch

    @property
    def root(self) -> Path:
        return self.place.root

    @property
    def git(self) -> Git:
        return Git(self.root)
