"""Works out how newer versions of the template change a workspace, without touching it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.scaffold import projects
from mlws_scaffold.scaffold.merging import outcome, patterns, private
from mlws_scaffold.scaffold.merging.merge import merge
from mlws_scaffold.scaffold.merging.outcome import Step
from mlws_scaffold.scaffold.merging.private import Entry, Private, Stream
from mlws_scaffold.scaffold.merging.templates import Templates
from mlws_scaffold.scaffold.projects import Project
from mlws_scaffold.scaffold.updates import (
    building,
    journal,
    ownership,
    readiness,
    releases,
    rendering,
)
from mlws_scaffold.scaffold.updates.readiness import Repository
from mlws_scaffold.scaffold.updates.releases import Release
from mlws_scaffold.scaffold.updates.rendering import Both, Goal, Migration

_RESULT = "refs/heads/result"

Ask = Callable[[str, Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for: one project, a tag, another place of the template, questions asked."""

    only: str | None = None
    to: str | None = None
    origin: str | None = None
    ask: Ask | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The updates to make and the projects that need none. Valid inside `planned`.

    `commit` holds all of them on top of HEAD, in the private repository; conflicts have markers.
    """

    root: Path
    repository: Repository
    current: tuple[Project, ...]
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()
    migrations: tuple[Migration, ...] = ()
    private: Private | None = field(default=None, repr=False)
    commit: str = ""
    templates: Templates | None = field(default=None, repr=False)

    @property
    def conflicts(self) -> tuple[str, ...]:
        return tuple(path for step in self.steps for path in step.conflicts)

    @property
    def tag(self) -> str:
        """The version it goes to: the workspace's own, when its projects go to several."""
        return self.steps[-1].release.tag if self.steps else ""

    @property
    def branch(self) -> str:
        return f"mlws/update-{self.tag}"

    @property
    def entries(self) -> dict[str, Entry | None]:
        """Every path that changes, from the top of the repository; None removes it."""
        return {path: entry for step in self.steps for path, entry in step.entries.items()}

    @property
    def title(self) -> str:
        return _title(self.steps)

    def difference(self, step: Step) -> str:
        """The update of one project as a unified diff; renames are looked for inside it only."""
        if self.private is None or not step.entries:
            return ""
        flags = ("-r", "-p", "-M", "--no-color", "--no-ext-diff", "--full-index")
        paths = [f":(top,literal){path}" for path in step.entries]
        done = self.private.git.raw(
            "diff-tree", *flags, self.repository.head, self.commit, "--", *paths
        )
        return done.stdout.decode("utf-8", "replace").removesuffix("\n")


@contextmanager
def planned(root: Path, request: Request, tell: Callable[[str], None]) -> Iterator[Plan]:
    """Work out every update beside the repository; nothing of the workspace is touched.

    Raises MlwsError for what stands in the way, Unavailable when the template cannot be reached.
    """
    git = Git(root)
    repository = readiness.repository(git)
    journal.refuse_unfinished(repository.folder)
    found = projects.select(projects.find(git), request.only, root)
    projects.refuse_unlinked(found, request.origin is not None)
    with tempfile.TemporaryDirectory(prefix="mlws-update-", ignore_cleanup_errors=True) as name:
        home = Path(name).resolve()
        templates = Templates(git, request.origin, home)
        goals, current = _goals(git, found, request, templates)
        plan = Plan(root, repository, tuple(current), templates=templates)
        if goals:
            plan = _planned(plan, goals, request, tell, home)
        yield plan


def _goals(
    git: Git, found: Sequence[Project], request: Request, templates: Templates
) -> tuple[list[Goal], list[Project]]:
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
        if newer is None:
            # Only the template's history can tell.
            template = templates.repository(project)
            commit = templates.commit(project)
            newer = not template.ok("merge-base", "--is-ancestor", release.commit, commit)
        if newer:
            goals.append(Goal(project, release, releases.adopted(project, where)))
        else:
            _refuse_older(project, release, request, tags.get(project.version))
            current.append(project)
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


def _planned(
    plan: Plan, goals: Sequence[Goal], request: Request, tell: Callable[[str], None], home: Path
) -> Plan:
    assert plan.templates is not None  # noqa: S101 - `planned` made them
    rendered = [rendering.both(plan.templates, goal, request.ask, tell) for goal in goals]
    return merged(plan, rendered, home)


def merged(plan: Plan, rendered: Sequence[Both], home: Path) -> Plan:
    """The plan with every rendered project merged into HEAD, in a private repository in `home`.

    Raises MlwsError for names that clash.
    """
    ground = building.ground(plan.repository, home)
    built = building.build(ground, rendered, patterns.matcher(ownership.patterns(plan.root)))
    readiness.refuse_clashes(built)
    labels = [f"template-{both.release.tag}" for both in rendered]
    steps = tuple(
        outcome.step(one, done, both.release, both.notes)
        for one, done, both in zip(built, merge(ground.blobs, built, labels), rendered, strict=True)
    )
    known = _commit(ground.blobs.private, plan.repository, steps)
    unknown = ("git knows no author here: mlws signs the commit",)
    return replace(
        plan,
        steps=steps,
        notes=plan.notes if known else (*plan.notes, *unknown),
        migrations=tuple(one for both in rendered for one in both.migrations),
        private=ground.blobs.private,
        commit=ground.blobs.private.head(_RESULT),
    )


def _commit(alone: Private, repository: Repository, steps: Sequence[Step]) -> bool:
    """Write the commit of all steps into the private repository; whether its author is known."""
    entries = {path: entry for step in steps for path, entry in step.entries.items()}
    author, known = readiness.author(repository)
    message, parent = f"{_title(steps)}\n", private.Parent(repository.head)
    stream = Stream()
    stream.commit(_RESULT, entries, parent, author=author, message=message)
    alone.write(stream)
    return known


def _title(steps: Sequence[Step]) -> str:
    versions = sorted({step.project.version for step in steps})
    before = versions[0] if len(versions) == 1 else "several versions"
    names = [step.project.name for step in steps]
    what = names[0] if len(names) == 1 else f"{names[-1]} and {len(names) - 1} projects"
    return f"Update {what} from the template: {before} -> {steps[-1].release.tag}"
