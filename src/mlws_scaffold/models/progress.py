"""What can be told about a pull, a build or an upload while it runs."""

from __future__ import annotations

import threading
from collections.abc import Callable

from mlws_scaffold.adapters.ollama import Progress

__all__ = ["Milestones", "Progress", "Watch"]

# Called with a model's key and what the server says; from more than one thread.
Watch = Callable[[str, Progress], None]


class Milestones:
    """Turns the flood of progress into few lines: each new step, each further tenth of a layer.

    A server may fall back when it fetches a part again, and two models may come at a time; no line
    is said twice for that.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._step: dict[str, str] = {}
        self._best: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    def __call__(self, key: str, progress: Progress) -> None:
        tenth = 10 * (progress.completed or 0) // progress.total if progress.total else 0
        place = (key, progress.digest or progress.status)
        with self._lock:
            is_further = tenth > self._best.get(place, -1)
            if not is_further and self._step.get(key) == progress.status:
                return
            if progress.total and not is_further:
                return
            self._step[key], self._best[place] = progress.status, tenth
            share = f", {min(tenth, 10) * 10} %" if progress.total else ""
            who = f"{key}: " if key else ""
            self._say(f"{who}{progress.status}{share}")
