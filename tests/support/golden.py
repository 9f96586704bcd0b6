"""Expected outputs in files: compared by tests, written anew where GOLDEN=write says so."""

from __future__ import annotations

import os
from pathlib import Path


def compare(path: Path, text: str) -> None:
    """Assert that the file holds exactly this text."""
    if os.environ.get("GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text, (
        f"{path.name}: see it, then GOLDEN=write pytest"
    )
