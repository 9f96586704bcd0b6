"""Whether a repository can take an update now. Each refusal comes before anything is written."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError

_UNFINISHED = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply")
_REDIRECTED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
_MOST_SHOWN = 20


def repository(git: Git) -> tuple[str, str]:
    """The last commit, and where git's folder lies in the repository (empty: at its top)."""
    for name in _REDIRECTED:
        if name in os.environ:
            cure = "unset it: an update cannot run inside a git hook"
            raise MlwsError(f"{name} is set, so git would look elsewhere", cure)
    top = git.toplevel()
    if top is None:
        cure = "git init, commit everything, and run this again"
        raise MlwsError(f"{git.folder} is in no git repository", cure)
    head = git.commit_of("HEAD")
    if head is None:
        cure = "commit everything and run this again"
        raise MlwsError("nothing is committed yet, so an update could not be undone", cure)
    inside = git.folder.resolve().relative_to(top.resolve()).as_posix()
    return head, "" if inside == "." else inside


def refuse_unfinished(git: Git) -> None:
    """Raises MlwsError during a merge, a rebase or the like, or with conflicts unresolved."""
    names = git.unmerged() or [name for name in _UNFINISHED if _exists(git, name)]
    if names:
        raise MlwsError(
            f"a merge is not finished:\n{_listed(names)}",
            "resolve each file, git add it, git commit, and run mlws update again",
        )


def refuse_dirty(git: Git, folders: Iterable[str]) -> None:
    """Raises MlwsError that names every uncommitted file below the folders."""
    changed = git.changed(*folders)
    if changed:
        raise MlwsError(
            f"uncommitted changes where the update writes:\n{_listed(changed)}",
            "commit them, or git stash --include-untracked, and run mlws update again",
        )


def refuse_in_the_way(root: Path, added: Iterable[str], deleted: Collection[str]) -> None:
    """Raises MlwsError for files that git ignores, and would replace, where new ones come."""
    places = {str(found) for path in added if (found := _taken(root, path)) is not None}
    taken = sorted(places - set(deleted))
    if taken:
        raise MlwsError(
            f"ignored files are where the update adds its own:\n{_listed(taken)}",
            "move them aside and run mlws update again",
        )


def _taken(root: Path, path: str) -> Path | None:
    """What stands on a path that no commit holds: a file there, or one in place of a folder."""
    place = Path(path)
    for above in reversed(place.parents[:-1]):
        if (root / above).is_symlink() or (root / above).is_file():
            return above
    return place if os.path.lexists(root / place) else None


def _exists(git: Git, name: str) -> bool:
    return (git.folder / git.run("rev-parse", "--git-path", name)).exists()


def _listed(names: Sequence[str]) -> str:
    more = [f"and {len(names) - _MOST_SHOWN} more"] if len(names) > _MOST_SHOWN else []
    return "\n".join(f"  {name}" for name in [*names[:_MOST_SHOWN], *more])
