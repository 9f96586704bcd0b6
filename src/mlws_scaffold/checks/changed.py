"""What a change makes necessary to test: the agents and the experiments that it touches.

A change is everything since HEAD left a reference. What all of a kind depend on (shared code, the
lock, the template, the workflows) selects all of them; what was deleted selects none; and where
nothing can be compared with, as at a first push, all are selected: never too few.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.checks.repository import Repository
from mlws_scaffold.errors import MlwsError, Unavailable, UsageError
from mlws_scaffold.workspace import names
from mlws_scaffold.workspace.layout import ANSWERS, EXPERIMENTS, PRODUCTION

# A folder, or a file, on which every agent and every experiment depends.
SHARED = ("shared", "pyproject.toml", "uv.lock", ANSWERS, ".github/workflows")
# Kept beside an agent, but no part of it: the mirror of what runs elsewhere.
_MIRRORS = ("deployments.jsonl",)
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Project:
    """An agent (`helper`) or experiment (`ann/first`); `isolated`: it has a lock of its own."""

    name: str
    folder: str
    isolated: bool


@dataclass(frozen=True, slots=True)
class Selection:
    """What to test. `base` is the commit compared with (empty: none); `why` all were selected."""

    projects: tuple[Project, ...]
    base: str
    why: str = ""


def agents(root: Path, reference: str) -> Selection:
    """The production agents that changed since HEAD left `reference`, or all with the reason.

    Raises UsageError for a branch that git does not know, MlwsError for a folder whose name breaks
    the rule: it would become part of commands.
    """
    return _select(Repository(root), reference, PRODUCTION, 1)


def experiments(root: Path, reference: str) -> Selection:
    """The active experiments that changed, or all; the errors are those of `agents`."""
    return _select(Repository(root), reference, EXPERIMENTS, 2)


def _select(repository: Repository, reference: str, place: str, depth: int) -> Selection:
    projects = _projects(repository, place, depth)
    base, why = _base(repository, reference)
    if not base:
        return Selection(projects, "", why)
    changed = repository.changed_since(base)
    for part in SHARED:
        touched = [path for path in changed if path == part or path.startswith(f"{part}/")]
        if touched:
            return Selection(projects, base, f"{min(touched)} changed, which all depend on")
    touching = {
        "/".join(path.split("/")[: 2 + depth])
        for path in changed
        if path.startswith(f"{place}/") and path.rpartition("/")[2] not in _MIRRORS
    }
    return Selection(tuple(one for one in projects if one.folder in touching), base)


def _projects(repository: Repository, place: str, depth: int) -> tuple[Project, ...]:
    """Every folder at that depth that holds a file which still exists, in order of the name."""
    folders = {
        "/".join(path.split("/")[: 2 + depth])
        for path in repository.files
        if path.startswith(f"{place}/") and path.count("/") >= 2 + depth
    }
    present = [folder for folder in sorted(folders) if (repository.root / folder).is_dir()]
    found = []
    for folder in present:
        if folder.rpartition("/")[2][0] in "._":
            continue
        name = folder.removeprefix(f"{place}/")
        for part in name.split("/"):
            if wrong := names.problem_with_name(part):
                raise MlwsError(f"{folder}: {part!r} is no name for a folder here", wrong)
        isolated = (repository.root / folder / "pyproject.toml").is_file()
        found.append(Project(name, folder, isolated))
    return tuple(found)


def _base(repository: Repository, reference: str) -> tuple[str, str]:
    """The commit to compare with, or why there is none."""
    if reference.startswith("-"):
        raise UsageError(f"{reference!r} is no commit", "name a branch, tag or commit")
    if not reference.strip("0"):
        return "", "there is nothing to compare with: a first push"
    if repository.git.commit_of(reference) is None and _COMMIT.fullmatch(reference):
        if repository.shallow:
            raise Unavailable(
                f"{reference} is not in this shallow clone", "fetch the whole history"
            )
        return "", f"{reference} is gone, as after a forced push"
    return repository.merge_base(reference), ""
