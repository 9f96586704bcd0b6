"""The branch that a new project is made on."""

from __future__ import annotations

from dataclasses import dataclass

from mlws_scaffold.adapters.git import Git, GitError
from mlws_scaffold.errors import MlwsError, Unavailable, UsageError
from mlws_scaffold.workspace.config import WorkspaceTable

FETCH_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Opening:
    """A branch to make and the commit to start it from; `remark` says what was doubtful."""

    branch: str
    start: str
    remark: str = ""


def newest_integration(git: Git, names: WorkspaceTable) -> tuple[str, str]:
    """The newest `develop`: fetched when there is a remote, else what is here. With a remark."""
    develop, remark = names.integration_branch, ""
    remote = f"origin/{develop}"
    if git.ok("remote", "get-url", "origin"):
        try:
            git.run("fetch", "--quiet", "origin", develop, timeout=FETCH_SECONDS)
        except (GitError, Unavailable):
            remark = f"{remote} could not be fetched: started from what is here"
    here, there = git.commit_of(f"refs/heads/{develop}"), git.commit_of(f"refs/remotes/{remote}")
    if here is None and there is None:
        return "HEAD", f"there is no branch {develop}: started from the current commit"
    if here is None or (there is not None and git.ok("merge-base", "--is-ancestor", here, there)):
        return remote, remark
    if there is not None and not git.ok("merge-base", "--is-ancestor", there, here):
        remark = f"{develop} and {remote} have parted: started from {develop}"
    return develop, remark


def plan(git: Git, branch: str, start: str, remark: str = "") -> Opening | None:
    """Check that the branch can be opened. None when it is the current one already."""
    if git.branch() == branch:
        return None
    if git.commit_of(f"refs/heads/{branch}") or git.commit_of(f"refs/remotes/origin/{branch}"):
        raise UsageError(
            f"the branch {branch} exists already",
            f"git switch {branch} and go on there, choose another name, or use --no-branch",
        )
    return Opening(branch, start, remark)


def open_branch(git: Git, opening: Opening) -> None:
    """Create and switch. Uncommitted work comes along, or git refuses to overwrite it."""
    try:
        git.run("switch", "--quiet", "--no-track", "-c", opening.branch, opening.start)
    except GitError as error:
        raise MlwsError(
            f"{opening.branch} was not opened: {error.message}",
            "commit or stash your changes first, or use --no-branch",
        ) from None


def undo(git: Git, opening: Opening, before: str) -> None:
    """Back to the branch (or commit) before, and the new branch gone."""
    git.run("switch", "--quiet", *(["--detach"] if len(before) == 40 else []), before)
    git.run("branch", "--quiet", "-D", opening.branch)
