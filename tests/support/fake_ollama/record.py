"""What the server was asked, and what went on at the same time."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

CHANGING = {"pull", "push", "create", "copy", "delete"}


@dataclass(frozen=True)
class Asked:
    """A request. changes: whether it can change what the server holds."""

    method: str
    path: str
    route: str
    name: str
    body: Any
    changes: bool
    headers: Mapping[str, str]
    """Names in lower case."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass
class Record:
    requests: list[Asked] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    """`route name` of each stream whose client went away before its end."""
    running: dict[str, int] = field(default_factory=dict)
    most: dict[str, int] = field(default_factory=dict)
    """By route: how many ran at the same time at most."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, asked: Asked) -> None:
        with self.lock:
            self.requests.append(asked)

    def gone(self, route: str, name: str) -> None:
        with self.lock:
            self.cancelled.append(f"{route} {name}".strip())

    @contextlib.contextmanager
    def counting(self, route: str) -> Iterator[None]:
        with self.lock:
            self.running[route] = self.running.get(route, 0) + 1
            self.most[route] = max(self.most.get(route, 0), self.running[route])
        try:
            yield
        finally:
            with self.lock:
                self.running[route] -= 1
