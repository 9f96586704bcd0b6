"""Which commits of a branch lie on the default branch already, squashed into one.

Ancestry says no: the squashed commit is a new one. But the change of the whole branch is the same,
so git's patch id of both is, and that follows from commits alone: it is kept by them for good.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.team.snapshot.kept import Kept
from mlws_scaffold.workspace.config import Workspace

if TYPE_CHECKING:
    from mlws_scaffold.team.snapshot.commits import Commit


def of(place: Workspace, git: Git, default: str, own: Sequence[Commit]) -> dict[str, str]:
    """The commit of the default branch by each commit in `own` whose work it holds."""
    if not default or not own:
        return {}
    refs = sorted({one.ref for one in own})
    found: dict[str, str] = {}
    with Kept.opened(place, "patches") as kept:
        for ref in refs:
            begin = git.attempt("merge-base", default, ref).stdout.strip()
            tip = git.commit_of(ref)
            if not begin or not tip:
                continue
            whole = _of_range(git, kept, begin, tip)
            patches = _of_each(git, kept, begin, default)
            if whole and (into := patches.get(whole)):
                commits = git.run("rev-list", "--no-merges", f"{begin}..{tip}").split()
                found.update(dict.fromkeys(commits, into))
    return {one.commit: found[one.commit] for one in own if one.commit in found}


def _of_range(git: Git, kept: Kept, begin: str, tip: str) -> str:
    """The patch id of everything between two commits; empty when nothing changed."""
    key = f"{begin}..{tip}"
    known = kept.get(key)
    if known is None:
        ids = list(_ids(git, git.run("diff", "--no-renames", "--full-index", begin, tip)))
        known = ids[0][0] if ids else ""
        kept.put(key, known)
    return known


def _of_each(git: Git, kept: Kept, begin: str, default: str) -> dict[str, str]:
    """Each commit of the default branch after `begin` by its patch id."""
    commits = git.run("rev-list", "--no-merges", f"{begin}..{default}").split()
    unknown = [commit for commit in commits if kept.get(commit) is None]
    if unknown:
        shown = git.run(
            "diff-tree", "--stdin", "-p", "--no-renames", "--full-index", "--root",
            stdin="\n".join(unknown) + "\n",
        )  # fmt: skip
        ids = {commit: patch for patch, commit in _ids(git, shown)}
        for commit in unknown:
            kept.put(commit, ids.get(commit, ""))
    # The oldest wins: a change that came twice was squashed the first time.
    return {patch: commit for commit in commits if (patch := kept.get(commit))}


def _ids(git: Git, shown: str) -> Iterable[tuple[str, str]]:
    for line in git.run("patch-id", "--stable", stdin=shown).splitlines():
        patch, _, commit = line.partition(" ")
        yield patch, commit
