"""Into the archive and out of it. Every step can be repeated, so a killed command is finished by
running it again:

1. `git mv` moves the folder (the folder first, then git's index);
2. the index is brought in step where step 1 was cut off between the two;
3. `metadata.yaml` says where the experiment came from, and is staged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.experiments.index.entries import Entry
from mlws_scaffold.experiments.life import editing, lifecycle
from mlws_scaffold.experiments.life.lifecycle import ARCHIVED
from mlws_scaffold.experiments.spec import CLOSED
from mlws_scaffold.workspace import people
from mlws_scaffold.workspace.config import Workspace
from mlws_scaffold.workspace.layout import ARCHIVE, EXPERIMENTS, METADATA


@dataclass(frozen=True, slots=True)
class Moved:
    """Where an experiment lies now. `finished`: an earlier command had begun the move."""

    entry: Entry
    came_from: str
    remark: str
    finished: bool


def archive(place: Workspace, entry: Entry, researcher: str = "") -> Moved:
    """Move a closed experiment into the archive. Raises MlwsError or InvalidFile when it may not.

    `researcher` names who does it (default: the owner of git's e-mail).
    """
    metadata, name = entry.metadata, place.layout.relative(entry.folder)
    lies_there = name.startswith(f"{ARCHIVE}/")
    if metadata.status == ARCHIVED and lies_there:
        raise MlwsError(f"{metadata.experiment_id} is archived already: {name}")
    lifecycle.refuse_illegal(metadata, ARCHIVED)
    lifecycle.refuse_unearned(entry.folder, f"{name}/{METADATA}", metadata, ARCHIVED)
    who, remark = people.acting(place.config, _git(place).setting("user.email"), researcher)
    record = {
        "from": metadata.status,
        "at": datetime.now(UTC).replace(microsecond=0),
        "by": who,
    }
    changes = {"status": ARCHIVED, "archived": record}
    return _move(place, entry, (EXPERIMENTS, ARCHIVE), changes, remark)


def unarchive(place: Workspace, entry: Entry) -> Moved:
    """Take an experiment out of the archive; it is again what it was. Raises MlwsError."""
    metadata, name = entry.metadata, place.layout.relative(entry.folder)
    if metadata.status != ARCHIVED:
        raise MlwsError(f"{metadata.experiment_id} is not archived but {metadata.status}")
    before = metadata.archived.came_from if metadata.archived else ""
    if before not in CLOSED:
        raise MlwsError(
            f"{name}/{METADATA} does not say what the experiment was before",
            f"write `archived: {{from: completed, at: …, by: …}}` (from: {', '.join(CLOSED)})",
        )
    changes = {"status": before, "archived": editing.REMOVE}
    return _move(place, entry, (ARCHIVE, EXPERIMENTS), changes, "")


def _move(
    place: Workspace,
    entry: Entry,
    homes: tuple[str, str],
    changes: Mapping[str, Any],
    remark: str,
) -> Moved:
    name = place.layout.relative(entry.folder)
    begun = name.startswith(f"{homes[1]}/")
    old = homes[0] + name.removeprefix(homes[1] if begun else homes[0])
    new = homes[1] + old.removeprefix(homes[0])
    # Judged before anything moves: the file that will be written at the other place.
    editing.prepare(entry.folder / METADATA, f"{name}/{METADATA}", changes)
    git = _git(place)
    if not begun:
        _move_folder(git, place.root, old, new)
    _move_in_index(git, old, new)
    path = place.root / new / METADATA
    edited = editing.prepare(path, f"{new}/{METADATA}", changes)
    edited.write()
    git.run("add", "--", f"{new}/{METADATA}")
    return Moved(Entry(path.parent, edited.metadata), old, remark, begun)


def _git(place: Workspace) -> Git:
    git = Git(place.root)
    if git.toplevel() is None:
        raise MlwsError("the workspace is in no git repository", "git init, commit, then again")
    return git


def _move_folder(git: Git, root: Path, old: str, new: str) -> None:
    target = root / new
    if target.exists() or target.is_symlink():
        raise MlwsError(f"{new} exists already", "move it away, or rename the experiment's folder")
    if not git.tracked(old):
        raise MlwsError(f"git does not know {old} yet", f"git add {old}, commit, then again")
    above = [folder for folder in target.parents if not folder.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    done = git.attempt("mv", "--", old, new)
    if done.returncode:
        for folder in above:
            folder.rmdir()
        said = (done.stderr or done.stdout).strip()
        raise MlwsError(f"git mv failed, nothing was changed: {said}", "mend it, then again")


def _move_in_index(git: Git, old: str, new: str) -> None:
    """Rename what git's index still has at the old place: nothing after a `git mv` that ended."""
    entries = git.run("ls-files", "--stage", "--full-name", "-z", "--", old).split("\0")
    prefix = git.run("rev-parse", "--show-prefix")
    lines = []
    for entry in filter(None, entries):
        mode, _, path = entry.partition("\t")
        lines.append(f"0 {'0' * 40}\t{path}\0")
        lines.append(f"{mode}\t{prefix}{new}{path.removeprefix(prefix + old)}\0")
    if lines:
        git.run("update-index", "-z", "--index-info", stdin="".join(lines))
