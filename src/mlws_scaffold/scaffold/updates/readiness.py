"""Whether a repository can take an update now. Each refusal comes before anything is written."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.scaffold.merging import clashes
from mlws_scaffold.scaffold.merging.private import Entry
from mlws_scaffold.scaffold.merging.sides import Sides

_UNFINISHED = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply")
_REDIRECTED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
_MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Repository:
    """The repository around a workspace, which lies in its folder `inside` (empty: at its top)."""

    top: Path
    folder: Path  # of git, of this work tree
    objects: Path
    form: str
    head: str
    inside: str

    @property
    def git(self) -> Git:
        return Git(self.top)


def repository(git: Git) -> Repository:
    """Look at the repository around git's folder. Raises MlwsError where nothing can be undone."""
    for name in _REDIRECTED:
        if name in os.environ:
            cure = "unset it: an update cannot run inside a git hook"
            raise MlwsError(f"{name} is set, so git would look elsewhere", cure)
    asked = git.attempt(
        "rev-parse", "--show-toplevel", "--absolute-git-dir", "--git-common-dir",
        "--show-object-format", "HEAD^{commit}",
    )  # fmt: skip
    if asked.returncode:
        if git.toplevel() is None:
            cure = "git init, commit everything, and run this again"
            raise MlwsError(f"{git.folder} is in no git repository", cure)
        cure = "commit everything and run this again"
        raise MlwsError("nothing is committed yet, so an update could not be undone", cure)
    top, folder, common, form, head = asked.stdout.splitlines()
    inside = git.folder.resolve().relative_to(Path(top).resolve()).as_posix()
    return Repository(
        top=Path(top),
        folder=Path(folder),
        objects=(git.folder / common).resolve() / "objects",
        form=form,
        head=head,
        inside="" if inside == "." else inside,
    )


@cache
def listing(place: Repository) -> dict[str, Entry]:
    """Every file of HEAD, by path from the top of the repository. A commit never changes."""
    done = place.git.raw("ls-tree", "-r", "-z", "--full-tree", place.head)
    found: dict[str, Entry] = {}
    for row in done.stdout.decode("utf-8", "surrogateescape").split("\0"):
        about, _, path = row.partition("\t")
        if path:
            mode, _, oid = about.split(" ")
            found[path] = (mode, oid)
    return found


def author(place: Repository) -> tuple[str, bool]:
    """Who signs the commit, in git's own form, and whether git knows them."""
    strict = ("-c", "user.useConfigOnly=true")
    known = place.git.attempt(*strict, "var", "GIT_COMMITTER_IDENT")
    if known.returncode == 0:
        return known.stdout.strip(), True
    return f"mlws <mlws@localhost> {int(time.time())} +0000", False


def ignored(place: Repository, paths: Sequence[str]) -> dict[str, None]:
    """Those of the paths, from the top of the repository, that git ignores."""
    if not paths:
        return {}
    names = "\0".join(paths).encode("utf-8", "surrogateescape")
    done = place.git.raw("check-ignore", "--no-index", "-z", "--stdin", stdin=names)
    found = done.stdout.decode("utf-8", "surrogateescape").split("\0")
    return dict.fromkeys(path for path in found if path)


def refuse_clashes(all_sides: Iterable[Sides]) -> None:
    """Raises MlwsError for names that cannot stand side by side, before anything is merged."""
    said = [text for sides in all_sides for text in clashes.found(sides)]
    if said:
        cure = "move yours aside with git mv, commit, and run mlws update again"
        raise MlwsError(
            f"the template and the workspace do not fit together:\n{listed(said)}", cure
        )


def refuse_unfinished(place: Repository) -> None:
    """Raises MlwsError during a merge, a rebase or the like, or with conflicts unresolved."""
    names = place.git.unmerged() or [name for name in _UNFINISHED if (place.folder / name).exists()]
    if names:
        raise MlwsError(
            f"a merge is not finished:\n{listed(names)}",
            "resolve each file, git add it, git commit, and run mlws update again",
        )
    if (place.folder / "index.lock").exists():
        raise MlwsError("another git command is at work here", "wait for its end")


def refuse_dirty(place: Repository, paths: Collection[str]) -> None:
    """Raises MlwsError that names each of the paths that has uncommitted changes."""
    done = place.git.raw("diff-index", "--name-only", "--no-renames", "-z", place.head)
    changed = done.stdout.decode("utf-8", "surrogateescape").split("\0")
    touched = sorted(set(changed) & set(paths))
    if touched:
        raise MlwsError(
            f"uncommitted changes where the update writes:\n{listed(touched)}",
            "commit them, or git stash --include-untracked, and run mlws update again",
        )


def refuse_in_the_way(root: Path, added: Iterable[str], deleted: Collection[str]) -> None:
    """Raises MlwsError for files that no commit holds where new ones come."""
    places = {str(found) for path in added if (found := _taken(root, path)) is not None}
    taken = sorted(places - set(deleted))
    if taken:
        raise MlwsError(
            f"untracked or ignored files are where the update adds its own:\n{listed(taken)}",
            "move them aside and run mlws update again",
        )


def _taken(root: Path, path: str) -> Path | None:
    """What stands on a path that no commit holds: a file there, or one in place of a folder."""
    place = Path(path)
    for above in reversed(place.parents[:-1]):
        if (root / above).is_symlink() or (root / above).is_file():
            return above
    return place if os.path.lexists(root / place) else None


def listed(names: Sequence[str]) -> str:
    more = [f"and {len(names) - _MOST_SHOWN} more"] if len(names) > _MOST_SHOWN else []
    return "\n".join(f"  {name}" for name in [*names[:_MOST_SHOWN], *more])
