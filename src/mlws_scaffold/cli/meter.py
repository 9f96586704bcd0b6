"""Bytes of several things that run at a time, as they may be shown: never running backwards."""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """Bytes done and in all: of one thing, and of everything seen so far."""

    done: int
    total: int
    all_done: int
    all_total: int


class Meter:
    """Takes what a server says, which may fall back, and says what can be shown.

    What was done stays done, and no total shrinks. The sum of all totals grows while new things
    appear, so only its bytes are worth showing, not its share.
    """

    def __init__(self) -> None:
        self._things: dict[str, tuple[int, int]] = {}
        self._done = self._total = 0
        self._lock = threading.Lock()

    def take(self, name: str, done: int, total: int) -> Reading:
        with self._lock:
            before_done, before_total = self._things.get(name, (0, 0))
            most = max(before_total, total, 0)
            now = max(before_done, min(max(done, 0), most))
            self._things[name] = (now, most)
            self._done += now - before_done
            self._total += most - before_total
            return Reading(now, most, self._done, self._total)
