"""The rule about other people's folders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mlws_scaffold.checks import projects
from mlws_scaffold.checks.check import Check, Result, judged, not_applicable
from mlws_scaffold.checks.repository import Repository
from mlws_scaffold.checks.target import Target
from mlws_scaffold.errors import Problem
from mlws_scaffold.workspace import people
from mlws_scaffold.workspace.config import Config
from mlws_scaffold.workspace.layout import ANSWERS, ARCHIVE, EXPERIMENTS


@dataclass(frozen=True, slots=True)
class _Changes:
    """What the owner of an address changed, as the letter (A, M, D) of each path."""

    email: str
    paths: Mapping[str, str]


class OwnNamespace(Check):
    """A researcher's folder is theirs: nobody changes an experiment behind the back of those who
    work on it.

    Ask them to name you in `team` of its metadata.yaml, or start your own with `parent` set.
    Commits are judged by their author, other changes by git's user.email. Template updates are
    free to all.
    """

    id, area, title = "GIT005", "git", "no change in another person's experiment"

    def run(self, target: Target) -> Result:
        if target.repository is None:
            return not_applicable(target.no_repository)
        if target.config is None:
            return not_applicable(target.no_config)
        strangers: set[str] = set()
        touched: dict[tuple[str, str], set[str]] = defaultdict(set)
        judged_any = False
        for changes in _all_changes(target, target.repository, target.config):
            foreign = _experiment_paths(changes.paths)
            handle = people.by_email(target.config, changes.email)
            if foreign and handle is None:
                strangers.add(changes.email)
                continue
            judged_any = judged_any or bool(foreign)
            for folder, paths in foreign.items():
                touched[folder, handle or ""] |= paths
        if strangers and not judged_any:
            named = ", ".join(sorted(address or "no address" for address in strangers))
            return not_applicable(f"made by {named}: not in [team]")
        return judged(_trespasses(target, touched))


def _all_changes(target: Target, repository: Repository, config: Config) -> Iterable[_Changes]:
    begun = repository.git.commit_of("HEAD") is not None
    if target.scope.staged or not begun:
        yield _Changes(repository.email, repository.changes("--cached"))
        return
    yield _Changes(repository.email, repository.changes("HEAD"))
    yield _Changes(repository.email, dict.fromkeys(repository.untracked, "A"))
    for commit in repository.commits(*_range(target, repository, config), "--", EXPERIMENTS):
        yield _Changes(commit.email, commit.changes)


def _range(target: Target, repository: Repository, config: Config) -> list[str]:
    """What this branch adds to the shared ones."""
    if target.scope.since:
        return [f"{target.base}..HEAD"]
    shared = (config.workspace.default_branch, config.workspace.integration_branch)
    current = f"refs/heads/{repository.branch}"
    references = [name for branch in shared for name in repository.branch_references(branch)]
    others = [name for name in references if name != current]
    if repository.branch in shared:
        # On a shared branch only what was not pushed yet is somebody's own.
        others = [name for name in others if name.startswith("refs/remotes/")]
    return ["HEAD", "--not", *others] if others else ["--max-count=0", "HEAD"]


def _experiment_paths(paths: Mapping[str, str]) -> dict[str, set[str]]:
    """Changed paths by experiment folder, without those of a template update."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        parts = path.split("/")
        if path.startswith(f"{EXPERIMENTS}/") and len(parts) > 4:
            found["/".join(parts[:4])].add(path)
    return {
        folder: inside
        for folder, inside in found.items()
        if paths.get(f"{folder}/{ANSWERS}") != "M"
    }


def _trespasses(target: Target, touched: Mapping[tuple[str, str], set[str]]) -> Iterable[Problem]:
    for (folder, handle), paths in sorted(touched.items()):
        researcher = folder.split("/")[2]
        if handle != researcher and handle not in _concerned(target, folder):
            count = "1 file" if len(paths) == 1 else f"{len(paths)} files"
            cure = f"ask {researcher} to name you in `team`, or start your own"
            yield Problem(
                folder, f"{handle} changed {count} in the experiment of {researcher}", cure
            )


def _concerned(target: Target, folder: str) -> frozenset[str]:
    """Researcher, owner and team of an experiment, also after it was archived."""
    for place in (folder, ARCHIVE + folder.removeprefix(EXPERIMENTS)):
        metadata = projects.read_experiment(target.root, place).metadata
        if metadata:
            return frozenset((metadata.researcher, metadata.responsible, *metadata.team))
    return frozenset()
