"""Which workspace a command acts in: `--root`, else the one around the current folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlws_scaffold.workspace.layout import find_root, require_root

if TYPE_CHECKING:
    from mlws_scaffold.workspace.config import Workspace


def root() -> Path:
    """Root of the workspace. Raises UsageError when there is none."""
    given: Path | None = click.get_current_context().find_root().params.get("root")
    return require_root(given or Path.cwd())


def root_if_any() -> Path | None:
    """Root of the workspace, or None outside of one. Raises UsageError when `--root` names none."""
    given: Path | None = click.get_current_context().find_root().params.get("root")
    return require_root(given) if given else find_root(Path.cwd())


def workspace() -> Workspace:
    """The workspace with its configuration. Raises UsageError or InvalidFile."""
    # Imported here: not every command reads it, and its tables cost as much as half of click.
    from mlws_scaffold.workspace.config import load

    return load(root())
