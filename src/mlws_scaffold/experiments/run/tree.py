"""The code of a run: which changes are kept, which never are, and the commit that holds them."""

from __future__ import annotations

import stat
from pathlib import Path

from mlws_scaffold.adapters import snapshots
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.experiments.run import fingerprint
from mlws_scaffold.experiments.run.stages import Kept, Resolved, Tree
from mlws_scaffold.workspace import secrets

_MOST_PATCH = 1_000_000
# Keys are in small files; a large one is looked at from its beginning.
_MOST_READ = 5_000_000


def look(root: Path, folder: Path, most_mb: int) -> Tree:
    """The repository with all uncommitted changes that may be kept. Nothing of it is touched."""
    top = Git(root).toplevel()
    if top is None:
        raise MlwsError("a run is tied to a commit, and this is no git repository", "mlws setup")
    git = Git(top)
    inside = folder.resolve().relative_to(top.resolve()).as_posix()
    head = git.commit_of("HEAD")
    # `.env.pem` and the like never get as far as a git object.
    changed = git.changed()
    untracked = set(changed) - set(git.tracked())
    left_out = {
        path: reason
        for path in changed
        if (reason := _reason(top, path, most_mb, new=path in untracked))
    }
    kept = [path for path in changed if path not in left_out]
    dirty = any(not fingerprint.only_words(path, inside) for path in [*kept, *left_out])
    return Tree(
        top=top,
        folder=inside,
        head=head,
        branch=git.branch(),
        tree=snapshots.tree(git, kept),
        dirty=dirty,
        untracked=tuple(sorted(untracked)),
        left_out=left_out,
    )


def code_hash(tree: Tree, shared: Path) -> str:
    """Hash of the experiment's folder and of `shared`, uncommitted changes included."""
    place = shared.resolve().relative_to(tree.top.resolve()).as_posix()
    files = snapshots.files(Git(tree.top), tree.tree, (tree.folder, place))
    return fingerprint.of_code(files, tree.folder, place)


def keep(resolved: Resolved) -> Kept:
    """A commit of exactly this code: HEAD's own when nothing differs from it."""
    tree = resolved.tree
    git = Git(tree.top)
    before = snapshots.tree_of(git, tree.head)
    if tree.head and before == tree.tree:
        return Kept(resolved, tree.head, "", tree.left_out)
    where = f"{tree.folder} on {tree.branch or 'no branch'}"
    commit = snapshots.commit(git, tree.tree, f"Snapshot of a run of {where}")
    patch, unfit = _patch(snapshots.difference(git, before, tree.tree))
    return Kept(resolved, commit, patch, {**tree.left_out, **unfit})


def _patch(pieces: dict[str, str]) -> tuple[str, dict[str, str]]:
    """The difference as text, without what looks like a secret; nothing when it is too large."""
    fit = {head: text for head, text in pieces.items() if not secrets.holds_secret(text)}
    unfit = {
        head.rpartition(" b/")[2]: "its difference shows what looks like a secret"
        for head in pieces
        if head not in fit
    }
    text = "".join(fit.values())
    if len(text.encode("utf-8", "surrogateescape")) > _MOST_PATCH:
        return "", {**unfit, "mlws/diff.patch": "is larger than 1 MB; the pinned commit has it all"}
    return text, unfit


def _reason(top: Path, path: str, most_mb: int, *, new: bool) -> str:
    """Why a changed path is not kept; empty when it is."""
    if path.endswith("/"):
        return "is a repository of its own"
    if secrets.is_secret_file(path):
        return "its name is that of a file with secrets"
    try:
        info = (top / path).lstat()
        if not stat.S_ISREG(info.st_mode):
            return ""
        if new and info.st_size > most_mb * 1_000_000:
            return f"is new and larger than {most_mb} MB"
        with (top / path).open("rb") as file:
            text = file.read(_MOST_READ).decode("latin-1")
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return "holds what looks like a secret" if secrets.holds_secret(text) else ""
