"""The repository around a workspace, and its branches as git names them: asked at each call."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters.git import Git, GitError

# With one of these git looks for the repository elsewhere.
_ELSEWHERE = ("GIT_DIR", "GIT_COMMON_DIR", "GIT_WORK_TREE", "GIT_OBJECT_DIRECTORY")
# log.showSignature would start gpg for every commit.
_SETTINGS = ("core.quotePath=false", "log.showRoot=true", "log.showSignature=false")


@dataclass(frozen=True, slots=True)
class Repository:
    """The repository around a workspace. `prefix` leads from its top to the workspace; `own` is
    the git folder of this work tree, `common` the one that all its work trees share.
    """

    git: Git
    common: Path
    own: Path
    prefix: str
    shallow: bool


@dataclass(frozen=True, slots=True)
class Tip:
    """A branch as people name it (`main`, `origin/main`), with its commit."""

    branch: str
    commit: str
    current: bool = False


def repository(root: Path) -> Repository | None:
    """The repository that holds the workspace, or None.

    Raises Unavailable without git, and GitError when git refuses to read what is there.
    """
    git = Git(root, _SETTINGS)
    if _is_top(root):
        folder = (root / ".git").resolve()
        return Repository(git, folder, folder, "", (folder / "shallow").exists())
    questions = ("--is-shallow-repository", "--git-common-dir", "--git-dir", "--show-prefix")
    done = git.attempt("rev-parse", *questions)
    if done.returncode:
        said = done.stderr.strip().partition("\n")[0].removeprefix("fatal: ")
        if "not a git repository" in said:
            return None
        raise GitError(f"git cannot read the repository: {said}")
    shallow, common, own, prefix = done.stdout.removesuffix("\n").split("\n")
    return Repository(
        git, (root / common).resolve(), (root / own).resolve(), prefix, shallow == "true"
    )


def _is_top(root: Path) -> bool:
    """Whether git would find its folder right here. A process less at every call."""
    folder = root / ".git"
    return (
        all((folder / name).exists() for name in ("HEAD", "objects", "refs"))
        and not (folder / "commondir").exists()
        and not any(name in os.environ for name in _ELSEWHERE)
    )


def tips(found: Repository) -> list[Tip]:
    """Every branch, a detached HEAD included. The first of two with one commit is the one shown."""
    form = "--format=%(objectname) %(HEAD) %(symref) %(refname)"
    out = found.git.run("for-each-ref", form, "refs/heads", "refs/remotes")
    known = []
    for line in out.splitlines():
        commit, _, rest = line.partition(" ")
        mark, (symref, _, name) = rest[0], rest[2:].partition(" ")
        if not symref:
            known.append(Tip(_short(name), commit, mark == "*"))
    if not any(tip.current for tip in known) and (head := found.git.commit_of("HEAD")):
        known.append(Tip("HEAD", head, True))
    return sorted(known, key=_preference)


def boundary(found: Repository) -> frozenset[str]:
    """Commits whose parents a shallow clone lacks: what they seem to change is not theirs."""
    if not found.shallow:
        return frozenset()
    try:
        return frozenset((found.common / "shallow").read_text().split())
    except (OSError, UnicodeDecodeError):
        return frozenset()


def fingerprint(found: Repository, known: Iterable[Tip]) -> str:
    """Equal as long as no branch moved, came or went."""
    cut = ",".join(sorted(boundary(found)))
    lines = [f"{tip.commit} {tip.branch} {tip.current}" for tip in known]
    return f"{zlib.crc32(cut.encode())} {found.prefix}\n" + "\n".join(lines)


def _short(name: str) -> str:
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return text.removeprefix("refs/heads/").removeprefix("refs/remotes/")


def _preference(tip: Tip) -> tuple[int, str]:
    """Of equal versions the one on main is named, then develop, then the shortest way to it."""
    order = {"main": 0, "develop": 1, "origin/main": 2, "origin/develop": 3}
    is_remote = tip.branch.startswith(("origin/", "upstream/"))
    return order.get(tip.branch, 5 if is_remote else 4), tip.branch
