"""What was proved of an agent, for exactly one commit: JSON below `.mlws/evidence`.

git ignores the folder; CI keeps it as an artifact. A gate takes nothing for proof that another
commit, or an uncommitted change, gave.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlws_scaffold.adapters import files
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.agents.catalog import Found
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.workspace.config import Workspace
from mlws_scaffold.workspace.layout import DEPLOYMENTS

FOLDER = ".mlws/evidence"
_VERSION = 1


def commit_of(place: Workspace, found: Found, besides: Iterable[Path] = ()) -> tuple[str, str]:
    """The present commit when the agent's folder is exactly what it holds; else why it is not.

    `besides`: files whose changes do not count, because whoever asks writes them. What was deployed
    never counts.
    """
    git = Git(place.root)
    head = git.commit_of("HEAD") if git.toplevel() is not None else None
    if head is None:
        return "", "there is no commit yet"
    inside = place.layout.relative(found.folder)
    own = {place.layout.relative(path) for path in (*besides, found.folder / DEPLOYMENTS)}
    # git's paths start at the top of the repository, in which the workspace may be a folder.
    above = git.run("rev-parse", "--show-prefix")
    if any(path.removeprefix(above) not in own for path in git.changed(inside)):
        return "", f"{inside} has uncommitted changes"
    return head, ""


def record(place: Workspace, found: Found, kind: str, commit: str, data: Mapping[str, Any]) -> Path:
    """Write the evidence of one kind (`test`, `eval`) for a commit; a later one replaces it."""
    path = _path(place, found, kind, commit)
    path.parent.mkdir(parents=True, exist_ok=True)
    head = {
        "version": _VERSION,
        "kind": kind,
        "agent": place.layout.relative(found.folder),
        "commit": commit,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    files.write(path, json.dumps({**head, **data}, indent=2, ensure_ascii=False) + "\n")
    return path


def read(place: Workspace, found: Found, kind: str, commit: str) -> Mapping[str, Any] | None:
    """The evidence of a kind for a commit, None without one. Raises MlwsError when it is broken."""
    path = _path(place, found, kind, commit)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise MlwsError(f"{path} cannot be read: {error}", "delete it and test again") from None
    inside = place.layout.relative(found.folder)
    fits = isinstance(data, dict) and (data.get("agent"), data.get("commit")) == (inside, commit)
    if not fits or data.get("kind") != kind:
        raise MlwsError(f"{path} is of something else", "delete it and test again")
    return dict(data)


def _path(place: Workspace, found: Found, kind: str, commit: str) -> Path:
    return place.root / FOLDER / commit / f"{found.track}-{found.folder.name}-{kind}.json"
