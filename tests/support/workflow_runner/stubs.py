"""Stand-ins for what needs the outside: docker, cosign, gh, curl, ollama, uvx.

Each writes down what it was asked, then has the effect that the workflow relies on; words that it
does not know fail. Everything else on PATH is real.
"""

from __future__ import annotations

import sys
from pathlib import Path

TOOLS = ("docker", "cosign", "gh", "curl", "ollama", "uvx")


def make(folder: Path) -> Path:
    """Write the tools, and put real uv and zizmor beside them; returns the folder for PATH."""
    folder.mkdir(parents=True)
    here = Path(__file__).parent
    for name in TOOLS:
        script = folder / name
        line = f'exec "{sys.executable}" "{here}/stub_{name}.py" "$@"'
        # The stub is of this test's environment, whatever the step set up for its own Python.
        script.write_text(f"#!/bin/sh\nunset PYTHONPATH VIRTUAL_ENV\n{line}\n")
        script.chmod(0o755)
    (folder / "uv").symlink_to(Path(sys.executable).with_name("uv"))
    return folder
