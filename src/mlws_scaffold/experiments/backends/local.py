"""The machine one sits at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mlws_scaffold.adapters import children
from mlws_scaffold.adapters.children import Child, Departed


class Local:
    """A child process of ours; Ctrl-C on the terminal reaches both."""

    def start(
        self, command: tuple[str, ...], folder: Path, env: Mapping[str, str], log: Path | None
    ) -> Child:
        return children.start(command, folder, env, log)

    def wait(self, child: Child) -> Departed:
        return children.wait(child)

    def stop(self, child: Child, *, hard: bool) -> None:
        children.stop(child, hard=hard)
