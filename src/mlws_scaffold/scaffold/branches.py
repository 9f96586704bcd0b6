"""The branch that a new project is made on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlws_scaffold.adapters.git import Git, GitError
from mlws_scaffold.errors import MlwsError, Unavailable, UsageError

FETCH_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the work tree stands: its commit, and its branch (empty when HEAD is detached)."""

    commit: str
    branch: str


@dataclass(frozen=True, slots=True)
class Opening:
    """A branch to make and the commit to start it from; `remark` says what was doubtful."""

    branch: str
    start: str
    remark: str = ""


def standing(git: Git) -> Standing | None:
    """Where HEAD is, or None: no repository, or one before its first commit."""
    done = git.attempt("rev-parse", "HEAD", "--symbolic-full-name", "HEAD")
    if done.returncode:
        return None
    commit, name = done.stdout.splitlines()
    return Standing(commit, name.removeprefix("refs/heads/") if name != "HEAD" else "")


def plan(git: Git, here: Standing, branch: str) -> Opening | None:
    """Open the branch where HEAD is. None when it is the current one; UsageError when it exists."""
    if here.branch == branch:
        return None
    _refuse_existing(_commits(git, branch), branch)
    return Opening(branch, "HEAD")


def plan_from(
    git: Git, here: Standing, branch: str, develop: str, *, remote: bool
) -> Opening | None:
    """The same, from the newest `develop`: fetched where there is a remote, else what is here."""
    if here.branch == branch:
        return None
    remark = _fetch(git, develop) if remote else ""
    known = _commits(git, branch, develop)
    _refuse_existing(known, branch)
    start, doubt = _newest(git, known, develop)
    return Opening(branch, start, doubt or remark)


def _fetch(git: Git, develop: str) -> str:
    try:
        git.run("fetch", "--quiet", "origin", develop, timeout=FETCH_SECONDS)
    except (GitError, Unavailable):
        return f"origin/{develop} could not be fetched: started from what is here"
    return ""


def _newest(git: Git, known: Mapping[str, str], develop: str) -> tuple[str, str]:
    """Where to start, and what is doubtful about it."""
    remote = f"origin/{develop}"
    here, there = known.get(f"refs/heads/{develop}"), known.get(f"refs/remotes/{remote}")
    if here is None and there is None:
        return "HEAD", f"there is no branch {develop}: started from the current commit"
    if there is None or here == there:
        return develop, ""
    if here is None or git.ok("merge-base", "--is-ancestor", here, there):
        return remote, ""
    if git.ok("merge-base", "--is-ancestor", there, here):
        return develop, ""
    return develop, f"{develop} and {remote} have parted: started from {develop}"


def _refuse_existing(known: Mapping[str, str], branch: str) -> None:
    if f"refs/heads/{branch}" in known or f"refs/remotes/origin/{branch}" in known:
        raise UsageError(
            f"the branch {branch} exists already",
            f"git switch {branch} and go on there, choose another name, or use --no-branch",
        )


def _commits(git: Git, *branches: str) -> dict[str, str]:
    """The commits of those branches that there are, here and at the remote, by full name."""
    names = [
        f"{home}/{name}" for home in ("refs/heads", "refs/remotes/origin") for name in branches
    ]
    rows = git.run("for-each-ref", "--format=%(refname) %(objectname)", *names).splitlines()
    return dict(row.split(" ", 1) for row in rows)


def open_branch(git: Git, opening: Opening) -> None:
    """Create and switch. Uncommitted work comes along, or git refuses to overwrite it."""
    try:
        git.run("switch", "--quiet", "--no-track", "-c", opening.branch, opening.start)
    except GitError as error:
        raise MlwsError(
            f"{opening.branch} was not opened: {error.message}",
            "commit or stash your changes first, or use --no-branch",
        ) from None


def undo(git: Git, opening: Opening, before: Standing) -> None:
    """Back to the branch (or commit) before, and the new branch gone, if it was opened at all."""
    if git.branch() != opening.branch:
        return
    back = [before.branch] if before.branch else ["--detach", before.commit]
    git.run("switch", "--quiet", *back)
    git.run("branch", "--quiet", "-D", opening.branch)
