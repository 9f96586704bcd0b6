"""Inputs and what Ollama makes of them.

The two tables were written by running each input through Ollama's own parser and request builder
(compiled from its source of 2026-08-21); they are facts, not expectations of ours.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

PARSED: list[dict[str, Any]] = json.loads((HERE / "vectors.json").read_text())
REQUESTED: list[dict[str, Any]] = json.loads((HERE / "requests.json").read_text())


def data(row: dict[str, Any]) -> bytes:
    """The bytes of an input."""
    return bytes.fromhex(row["bytes"]) if "bytes" in row else row["text"].encode()


def about(row: dict[str, Any]) -> str:
    return str(row["about"])
