"""The workspace's shared code, found by production agents as their images find it: by its path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

TOOLS = "shared/tools/src"


def paths(root: Path) -> Mapping[str, str]:
    """What Python and mypy need to find `shared_tools`; anything the caller had set is replaced."""
    tools = str(root / TOOLS)
    return {"PYTHONPATH": tools, "MYPYPATH": tools}
