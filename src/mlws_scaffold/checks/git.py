"""Rules for what is committed and for the branches."""

from __future__ import annotations

import os
import re

from mlws_scaffold.checks.check import Check, Result, judged, not_applicable
from mlws_scaffold.checks.repository import Repository
from mlws_scaffold.checks.target import Target
from mlws_scaffold.errors import Problem
from mlws_scaffold.workspace import names
from mlws_scaffold.workspace.config import ChecksTable, WorkspaceTable

_BOTS = ("dependabot/", "renovate/", "mlws/update-", "deployments/", "pre-commit-ci-")
_ABOUT_BRANCHES = "about branches, not about what is staged"


class NoLargeFile(Check):
    """A large file stays in the history for ever, and every clone pays for it.

    Keep it outside and commit its address and hash, or give it to Git LFS or DVC as your
    workspace does.
    [checks] max_file_mb in mlws.toml is the limit. What is committed already needs `git
    filter-repo` to go.
    """

    id, area, title = "GIT001", "git", "no file in git is too large"

    def run(self, target: Target) -> Result:
        if target.repository is None:
            return not_applicable(target.no_repository)
        limit = (target.config.checks if target.config else ChecksTable()).max_file_mb
        return judged(
            Problem(
                path,
                f"has {size / 1_048_576:.1f} MB, the limit is {limit}",
                f"git rm --cached {path}",
            )
            for path, size in sorted(target.repository.sizes.items())
            if size > limit * 1_048_576 and target.touches(path)
        )


class NoIgnoredFile(Check):
    """A file that .gitignore names but git tracks surprises everybody: changes to it are still
    committed.

    Take it out with `git rm --cached PATH` (it stays on your disk), or take back the rule.
    """

    id, area, title = "GIT002", "git", "nothing that is ignored is committed"

    def run(self, target: Target) -> Result:
        if target.repository is None:
            return not_applicable(target.no_repository)
        return judged(
            Problem(path, "is ignored by a .gitignore but tracked", f"git rm --cached {path}")
            for path in target.repository.ignored_but_tracked
            if target.touches(path)
        )


class HotfixReturned(Check):
    """A hotfix that is in main but not in develop is lost with the next release.

    Merge the hotfix branch into develop as well, then delete it.
    """

    id, area, title = "GIT003", "git", "every hotfix in main is in develop"

    def run(self, target: Target) -> Result:
        repository = target.repository
        if repository is None:
            return not_applicable(target.no_repository)
        if target.scope.staged:
            return not_applicable(_ABOUT_BRANCHES)
        branches = target.config.workspace if target.config else WorkspaceTable("")
        main = repository.branch_references(branches.default_branch)
        develop = repository.branch_references(branches.integration_branch)
        if not main or not develop:
            missing = branches.integration_branch if main else branches.default_branch
            return not_applicable(f"there is no branch {missing} here")
        hotfixes = {name: short for name in repository.references if (short := _hotfix(name))}
        if hotfixes and repository.shallow:
            return not_applicable("the clone is shallow: fetch the whole history")
        if repository.git.commit_of("HEAD"):
            develop = [*develop, "HEAD"]  # a branch that brings the hotfix home is no culprit
        lost = {
            short
            for name, short in hotfixes.items()
            if _arrived(repository, name, main) and not _arrived(repository, name, develop)
        }
        home = branches.integration_branch
        found = [
            Problem(
                short,
                f"is in {branches.default_branch} but not in {home}",
                f"merge {short} into {home}",
            )
            for short in sorted(lost)
        ]
        # Whoever proposes something else can see it, but need not mend it.
        return judged([], found) if target.scope.since else judged(found)


class BranchName(Check):
    """Branches are main, develop, experiment/<user>/<name>, feature/<name> and hotfix/<name>.

    The name tells people and workflows what a branch is for. Rename yours: `git branch -m NEW`.
    """

    id, area, title = "GIT004", "git", "the branch has a name of the team's kinds"

    def run(self, target: Target) -> Result:
        if target.repository is None:
            return not_applicable(target.no_repository)
        if target.scope.staged:
            return not_applicable(_ABOUT_BRANCHES)
        # What a pull request comes from, or what is being pushed, says more than the checkout.
        pushed = os.environ.get("PRE_COMMIT_REMOTE_BRANCH", "")
        if pushed and not pushed.startswith("refs/heads/"):
            return not_applicable(f"{pushed} is no branch")
        branch = os.environ.get("GITHUB_HEAD_REF") or pushed.removeprefix("refs/heads/")
        branch = branch or target.repository.branch
        if not branch:
            return not_applicable("HEAD is detached")
        table = target.config.workspace if target.config else WorkspaceTable("")
        if problem := problem_with_branch(branch, table):
            return judged([Problem(branch, "is no branch name of the team's kinds", problem)])
        user = branch.split("/")[1] if branch.startswith("experiment/") else ""
        if target.config and user and user not in target.known_people():
            return judged(
                [],
                [Problem(branch, f"{user!r} is not in [team]", f"add [team.{user}] to mlws.toml")],
            )
        return judged([])


def problem_with_branch(branch: str, table: WorkspaceTable) -> str | None:
    """Say what is wrong with the name of a branch."""
    if branch in (table.default_branch, table.integration_branch) or branch.startswith(_BOTS):
        return None
    kind, _, rest = branch.partition("/")
    if kind in ("feature", "hotfix"):
        if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*", rest):
            return None
        return f"write {kind}/<name>, with a-z, 0-9, '.', '_' and - in the name"
    if kind == "experiment":
        parts = rest.split("/")
        if len(parts) != 2:
            return "write experiment/<user>/<name>"
        wrong = next((item for part in parts if (item := names.problem_with_name(part))), None)
        return f"experiment/<user>/<name>: {wrong}" if wrong else None
    return "write experiment/<user>/<name>, feature/<name> or hotfix/<name>"


def _hotfix(reference: str) -> str:
    """`hotfix/x` of a local or remote branch, else the empty string."""
    name = reference.removeprefix("refs/heads/")
    if name == reference:
        name = "/".join(reference.split("/")[3:])
    return name if name.startswith("hotfix/") else ""


def _arrived(repository: Repository, branch: str, places: list[str]) -> bool:
    if any(branch in repository.merged(place) for place in places):
        return True
    return any(repository.brings_nothing(branch, place) for place in places)
