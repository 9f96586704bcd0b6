"""Puts a prototype's `agent.py` beside the server files that production ships."""

from __future__ import annotations

import shutil
from pathlib import Path

from mlws_scaffold.adapters import files
from mlws_scaffold.errors import MlwsError

# The team's part of the package `agent`; everything beside it is the same in every agent.
OWN = "agent.py"


def assemble(server: Path, agent: Path, place: Path) -> Path:
    """A folder for PYTHONPATH whose package `agent` is the server with this prototype's agent.py.

    `server` holds the server's files, `agent` is the prototype's folder, `place` is made anew. The
    agent.py is a link, so that an edit counts at the next start. Raises MlwsError without one.
    """
    own = agent / OWN
    if not own.is_file():
        raise MlwsError(f"{own} is missing", f"every prototype has an {OWN}")
    place.parent.mkdir(parents=True, exist_ok=True)
    with files.beside(place) as scratch:
        package = scratch / "made/agent"
        package.mkdir(parents=True)
        for path in sorted(server.iterdir()):
            if _is_server_file(path):
                shutil.copyfile(path, package / path.name)
        (package / OWN).symlink_to(own.resolve())
        if place.exists():
            shutil.rmtree(place)
        package.parent.rename(place)
    return place


def _is_server_file(path: Path) -> bool:
    # Variants of agent.py have a condition in their names; they are not the server's.
    return path.is_file() and path.stem.isidentifier() and path.name != OWN
