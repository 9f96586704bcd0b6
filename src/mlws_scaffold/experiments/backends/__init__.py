"""Where a run executes: one protocol, one table. A scheduler is one more entry here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from mlws_scaffold.adapters.children import Child, Departed
from mlws_scaffold.errors import UsageError
from mlws_scaffold.experiments.backends.local import Local


class Backend(Protocol):
    """Starts a command somewhere and waits for its end, from any thread."""

    def start(
        self, command: tuple[str, ...], folder: Path, env: Mapping[str, str], log: Path | None
    ) -> Child:
        """All that it says goes to `log`, or to our own streams."""

    def wait(self, child: Child) -> Departed: ...

    def stop(self, child: Child, *, hard: bool) -> None:
        """Ask it to end, or end it; returns at once, and `wait` returns when it has ended."""


BACKENDS: Mapping[str, Backend] = {"local": Local()}


def named(name: str) -> Backend:
    """The backend of that name. Raises UsageError with the names there are."""
    if name not in BACKENDS:
        raise UsageError(f"--on: no backend {name!r}", f"known: {', '.join(sorted(BACKENDS))}")
    return BACKENDS[name]
