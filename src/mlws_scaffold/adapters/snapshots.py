"""Commits of the working tree as it lies, made without touching the person's index or files."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from mlws_scaffold.adapters.git import Git, GitError

REFS = "refs/mlws/runs"
_EMPTY = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


@contextmanager
def _scratch_index(git: Git) -> Iterator[Git]:
    folder = Path(tempfile.mkdtemp(prefix="mlws-index-"))
    try:
        yield replace(
            git, environment=(*git.environment, ("GIT_INDEX_FILE", str(folder / "index")))
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def tree(git: Git, paths: Iterable[str]) -> str:
    """The tree of HEAD with the given changed paths as they lie in the working tree.

    `git` works at the top level. Paths that are gone are left out of the tree.
    """
    with _scratch_index(git) as scratch:
        if git.commit_of("HEAD"):
            scratch.run("read-tree", "HEAD")
        else:
            scratch.run("read-tree", "--empty")
        listed = "".join(f"{path}\0" for path in paths)
        if listed:
            scratch.run(
                "update-index", "--add", "--remove", "--replace", "-z", "--stdin", stdin=listed
            )
        return scratch.run("write-tree")


def commit(git: Git, tree_id: str, message: str) -> str:
    """A commit of the tree on top of HEAD that no branch points at."""
    if not git.has_identity():
        git = replace(git, settings=(*git.settings, "user.name=mlws", "user.email=mlws@localhost"))
    head = git.commit_of("HEAD")
    parents = ("-p", head) if head else ()
    return git.run("commit-tree", tree_id, *parents, "-m", message)


def pin(git: Git, run_id: str, commit_id: str) -> None:
    """Keep the commit for good, whatever happens to branches."""
    git.run("update-ref", f"{REFS}/{run_id}", commit_id)


def pinned(git: Git, run_id: str) -> str | None:
    """The commit pinned for the run; asked from `origin` when it is not here."""
    ref = f"{REFS}/{run_id}"
    here = git.commit_of(ref)
    if here is None and git.setting("remote.origin.url"):
        git.attempt("fetch", "--quiet", "--no-tags", "origin", f"+{ref}:{ref}", timeout=120)
        here = git.commit_of(ref)
    return here


def push(git: Git, run_id: str) -> None:
    """Push the pinned commit to `origin`. Raises GitError with git's words."""
    ref = f"{REFS}/{run_id}"
    git.run("push", "--quiet", "--no-verify", "origin", f"{ref}:{ref}", timeout=300)


def tree_of(git: Git, commit_id: str | None) -> str:
    return git.run("rev-parse", f"{commit_id}^{{tree}}") if commit_id else _EMPTY


def difference(git: Git, old_tree: str, new_tree: str) -> dict[str, str]:
    """The text difference of two trees, one piece a file; binary files are only named in theirs."""
    out = git.run(
        "-c", "core.quotePath=false", "-c", "diff.noprefix=false",
        "-c", "diff.mnemonicPrefix=false",
        "diff-tree", "-r", "-p", "--no-color", "--no-ext-diff", "--no-renames", "--no-textconv",
        "--full-index", old_tree, new_tree,
    )  # fmt: skip
    pieces: dict[str, str] = {}
    for piece in out.split("\ndiff --git "):
        if piece:
            text = piece if piece.startswith("diff --git ") else f"diff --git {piece}"
            pieces[text.partition("\n")[0]] = f"{text}\n"
    return pieces


def files(git: Git, tree_id: str, folders: Iterable[str]) -> list[tuple[str, str]]:
    """Path from the top level and blob of every file below the folders."""
    out = git.run("ls-tree", "-r", "-z", tree_id, "--", *(f"{folder}/" for folder in folders))
    entries = (entry.partition("\t") for entry in out.split("\0") if entry)
    return [(path, meta.split()[2]) for meta, _, path in entries]


@contextmanager
def worktree(git: Git, commit_id: str, folder: Path) -> Iterator[Path]:
    """A work tree of the commit in `folder`, which must not exist; gone afterwards."""
    add_worktree(git, commit_id, folder)
    try:
        yield folder
    finally:
        remove_worktree(git, folder)


def add_worktree(git: Git, commit_id: str, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Hooks of the person's repository (an environment to build, a check) are not for this one.
    quiet = replace(git, settings=(*git.settings, "core.hooksPath=/dev/null"))
    quiet.run("worktree", "add", "--quiet", "--detach", str(folder), commit_id)


def remove_worktree(git: Git, folder: Path) -> None:
    """Remove the work tree; what git refuses to remove is removed by hand."""
    try:
        git.run("worktree", "remove", "--force", str(folder))
    except GitError:
        shutil.rmtree(folder, ignore_errors=True)
        git.attempt("worktree", "prune")
