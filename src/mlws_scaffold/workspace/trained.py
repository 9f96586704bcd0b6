"""What a run made, as the room of experiments hands it to the room of models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Trained:
    """A file or folder of weights, and what is known of its origin (empty: not known)."""

    path: Path
    run: str = ""
    experiment: str = ""
    commit: str = ""


Find = Callable[[str, Path], Trained]
"""Takes what a person named (a run or a path) and a folder for what must be fetched first."""
