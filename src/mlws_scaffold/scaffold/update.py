"""Works out how newer versions of the template change a workspace, without touching it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.scaffold import projects
from mlws_scaffold.scaffold.projects import Project
from mlws_scaffold.scaffold.updates import readiness, releases, scratch, step
from mlws_scaffold.scaffold.updates.preview import Step
from mlws_scaffold.scaffold.updates.releases import Release
from mlws_scaffold.scaffold.updates.scratch import Origin, Scratch


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for: one project, a tag, another place of the template, only a look."""

    only: str | None = None
    to: str | None = None
    origin: str | None = None
    look: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The updates to make, in order, and the projects that need none. Valid inside `planned`."""

    root: Path
    head: str
    current: tuple[Project, ...]
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()
    scratch: Scratch | None = field(default=None, repr=False)

    @property
    def conflicts(self) -> tuple[str, ...]:
        return tuple(path for update in self.steps for path in update.conflicts)

    def difference(self, update: Step) -> str:
        """The update of one project as a unified diff."""
        assert self.scratch is not None  # noqa: S101 - a plan with steps has its clone
        flags = ("--no-ext-diff", "--no-color")
        return self.scratch.git.run("diff", *flags, update.before, update.commit)


@dataclass(frozen=True, slots=True)
class _Goal:
    project: Project
    release: Release
    certain: bool  # False: only the template's history can tell whether the release is newer


@contextmanager
def planned(root: Path, request: Request, tell: Callable[[str], None]) -> Iterator[Plan]:
    """Work out every update in a scratch clone; nothing of the workspace is touched.

    Raises MlwsError for what stands in the way, Unavailable when the template cannot be reached.
    """
    git = Git(root)
    head, prefix = readiness.repository(git)
    found = projects.select(projects.find(git), request.only, root)
    projects.refuse_unlinked(found, request.origin is not None)
    goals, current = _goals(git, found, request)
    notes = _ready(git, goals, request.look)
    with tempfile.TemporaryDirectory(prefix="mlws-update-", ignore_cleanup_errors=True) as name:
        home = Path(name).resolve()
        plan = Plan(root, head, tuple(current), notes=tuple(notes))
        if goals:
            copy = scratch.clone(git, prefix, head, home)
            steps, older = _steps(copy, goals, request, tell)
            plan = replace(plan, current=(*current, *older), steps=tuple(steps), scratch=copy)
        yield plan


def _goals(
    git: Git, found: Sequence[Project], request: Request
) -> tuple[list[_Goal], list[Project]]:
    """Where each project should go, and those that are there; one look per template."""
    seen: dict[str, tuple[Mapping[str, str], Release]] = {}
    goals, current = [], []
    for project in found:
        where = releases.place(request.origin or project.source)
        if where not in seen:
            commits = releases.offered(git, where)
            seen[where] = commits, releases.chosen(commits, request.to, where)
        tags, release = seen[where]
        newer = releases.is_newer(release, project, tags)
        if newer is False:
            _refuse_older(project, release, request, tags.get(project.version))
            current.append(project)
        else:
            goals.append(_Goal(project, release, certain=newer is True))
    return goals, current


def _refuse_older(
    project: Project, release: Release, request: Request, commit: str | None = None
) -> None:
    """Raises MlwsError when a person asks for a version that lies before the project's."""
    same = release.tag == project.version or release.commit in (commit, project.version)
    if request.to and not same:
        raise MlwsError(
            f"{project.name} is at {project.version}, which is newer than {release.tag}",
            "name a newer version; to go back, git revert the commit of the last update",
        )


def _ready(git: Git, goals: Sequence[_Goal], look: bool) -> list[str]:
    folders = [goal.project.path for goal in goals]
    if not goals:
        return []
    if look:
        changed = git.changed(*folders)
        return [f"{len(changed)} uncommitted files are left out of the preview"] if changed else []
    readiness.refuse_unfinished(git)
    readiness.refuse_dirty(git, folders)
    return [] if git.has_identity() else ["git knows no author here: Copier signs the commits"]


def _steps(
    copy: Scratch, goals: Sequence[_Goal], request: Request, tell: Callable[[str], None]
) -> tuple[list[Step], list[Project]]:
    origins: dict[str, Origin] = {}
    steps, older = [], []
    for goal in goals:
        project, release = goal.project, goal.release
        tell(f"planning {project.name}: {project.version} -> {release.tag}")
        if project.source not in origins:
            home = copy.git.folder.parent
            origins[project.source] = scratch.origin_of(copy.git, project, request.origin, home)
        origin = origins[project.source]
        if not goal.certain and Git(origin.clone).ok(
            "merge-base", "--is-ancestor", release.commit, project.version
        ):
            _refuse_older(project, release, request)
            older.append(project)
            continue
        steps.append(step.make(copy, project, release, origin))
    return steps, older
