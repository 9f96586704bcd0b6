"""What the stubs share: writing down, and refusing what is not known."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import NoReturn

STATE = Path(os.environ["STUB_STATE"])


def asked(tool: str) -> list[str]:
    """The words of this call, which are written down."""
    words = sys.argv[1:]
    with Path(os.environ["STUB_LOG"]).open("a") as stream:
        stream.write(json.dumps({"tool": tool, "words": words}) + "\n")
    if tool in os.environ.get("STUB_BROKEN", "").split():
        sys.exit(f"the stub of {tool} was told to fail")
    return words


def refuse(tool: str, words: list[str]) -> NoReturn:
    sys.exit(f"the stub of {tool} does not know: {' '.join(words)}")
