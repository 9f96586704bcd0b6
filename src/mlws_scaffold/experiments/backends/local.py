"""The machine one sits at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mlws_scaffold.adapters import children
from mlws_scaffold.adapters.children import Child, Departed


class Local:
    """A child process with our terminal; Ctrl-C ends both."""

    def start(self, command: tuple[str, ...], folder: Path, env: Mapping[str, str]) -> Child:
        return children.start(command, folder, env)

    def wait(self, child: Child) -> Departed:
        return children.wait(child)
