"""Where a run executes: one protocol, one table. A scheduler is one more entry here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from mlws_scaffold.adapters.children import Child, Departed
from mlws_scaffold.errors import UsageError
from mlws_scaffold.experiments.backends.local import Local


class Backend(Protocol):
    """Starts a command somewhere and waits for its end."""

    def start(self, command: tuple[str, ...], folder: Path, env: Mapping[str, str]) -> Child: ...

    def wait(self, child: Child) -> Departed: ...


BACKENDS: Mapping[str, Backend] = {"local": Local()}


def named(name: str) -> Backend:
    """The backend of that name. Raises UsageError with the names there are."""
    if name not in BACKENDS:
        raise UsageError(f"--on: no backend {name!r}", f"known: {', '.join(sorted(BACKENDS))}")
    return BACKENDS[name]
