"""Where the state of one machine lies: in the user's state folder, one folder per workspace."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def folder(root: Path) -> Path:
    """The folder for the workspace at `root`; it need not exist yet."""
    home = os.environ.get("XDG_STATE_HOME")
    base = Path(home) if home else Path.home() / ".local/state"
    place = root.resolve()
    key = hashlib.sha256(str(place).encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return base / "mlws/workspaces" / f"{place.name}-{key}"
