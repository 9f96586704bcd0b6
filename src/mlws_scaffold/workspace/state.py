"""Where the state of one machine lies: in the user's state folder, one folder per workspace."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """The folder for all that mlws keeps on this machine; it need not exist yet."""
    given = os.environ.get("XDG_STATE_HOME")
    return (Path(given) if given else Path.home() / ".local/state") / "mlws"


def folder(root: Path) -> Path:
    """The folder for the workspace at `root`; it need not exist yet."""
    import hashlib  # as dear as sqlite3; not every command keeps something here

    place = root.resolve()
    key = hashlib.sha256(str(place).encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return home() / "workspaces" / f"{place.name}-{key}"
