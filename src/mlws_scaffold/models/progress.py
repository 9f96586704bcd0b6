"""What can be told about a pull while it runs."""

from __future__ import annotations

from collections.abc import Callable

from mlws_scaffold.adapters.ollama import Progress

__all__ = ["Milestones", "Progress", "Watch"]

Watch = Callable[[str, Progress], None]


class Milestones:
    """Turns the flood of a pull's progress into few lines: each new step, each tenth of a layer."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._last: tuple[str, str, int] | None = None

    def __call__(self, key: str, progress: Progress) -> None:
        tenth = 10 * (progress.completed or 0) // progress.total if progress.total else 0
        now = (key, progress.status, tenth)
        if now != self._last:
            self._last = now
            share = f", {tenth * 10} %" if progress.total else ""
            self._say(f"{key}: {progress.status}{share}")
