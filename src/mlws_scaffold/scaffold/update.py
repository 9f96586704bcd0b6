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
from mlws_scaffold.scaffold.merging import outcome, private, sides
from mlws_scaffold.scaffold.merging.blobs import ATTRIBUTES, Blobs
from mlws_scaffold.scaffold.merging.merge import merge
from mlws_scaffold.scaffold.merging.outcome import Step
from mlws_scaffold.scaffold.merging.private import Entry, Private, Stream
from mlws_scaffold.scaffold.merging.sides import Sides
from mlws_scaffold.scaffold.merging.templates import Templates
from mlws_scaffold.scaffold.projects import Project
from mlws_scaffold.scaffold.updates import journal, ownership, readiness, releases, rendering
from mlws_scaffold.scaffold.updates.readiness import Repository
from mlws_scaffold.scaffold.updates.releases import Release
from mlws_scaffold.scaffold.updates.rendering import Goal, Migration

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
    repository = plan.repository
    alone = private.create(home, repository.objects, repository.form)
    listing = readiness.listing(repository)
    owned = sides.matcher(ownership.patterns(plan.root))
    assert plan.templates is not None  # noqa: S101 - `planned` made them
    rendered = [rendering.both(plan.templates, goal, request.ask, tell) for goal in goals]
    blobs = _blobs(alone, repository, listing)
    everything = rendering.all_projects(listing, repository.inside)
    built = _sides(blobs, goals, rendered, everything, listing, home, owned, repository)
    readiness.refuse_clashes(built)
    labels = [f"template-{goal.release.tag}" for goal in goals]
    merged = merge(blobs, built, labels)
    steps = tuple(
        outcome.step(one, done, goal.release, both.notes)
        for one, done, goal, both in zip(built, merged, goals, rendered, strict=True)
    )
    stream = Stream()
    entries = {path: entry for step in steps for path, entry in step.entries.items()}
    author, known = readiness.author(repository)
    stream.commit(
        "refs/heads/result", entries, private.Parent(repository.head), author=author,
        message=f"{_title(steps)}\n",
    )  # fmt: skip
    alone.write(stream)
    return replace(
        plan,
        steps=steps,
        notes=() if known else ("git knows no author here: mlws signs the commit",),
        migrations=tuple(one for both in rendered for one in both.migrations),
        private=alone,
        commit=alone.head("refs/heads/result"),
    )


def _title(steps: Sequence[Step]) -> str:
    versions = sorted({step.project.version for step in steps})
    before = versions[0] if len(versions) == 1 else "several versions"
    names = [step.project.name for step in steps]
    what = names[0] if len(names) == 1 else f"{names[-1]} and {len(names) - 1} projects"
    return f"Update {what} from the template: {before} -> {steps[-1].release.tag}"


def _blobs(alone: Private, repository: Repository, listing: Mapping[str, Entry]) -> Blobs:
    rules = [path for path in listing if path.rpartition("/")[2] == ATTRIBUTES]
    contents = alone.contents(listing[path][1] for path in rules) if rules else []
    found = dict(zip(rules, contents, strict=True))
    return Blobs(alone, Git(repository.folder), repository.top, found, repository.objects)


def _sides(
    blobs: Blobs,
    goals: Sequence[Goal],
    rendered: Sequence[rendering.Both],
    everything: Sequence[str],
    listing: Mapping[str, Entry],
    home: Path,
    owned: sides.Matcher,
    repository: Repository,
) -> list[Sides]:
    heads = dict(zip(everything, sides.split(listing, everything), strict=True))
    found = []
    for number, (goal, both) in enumerate(zip(goals, rendered, strict=True)):
        prefix = sides.prefix_of(repository.inside, goal.project)
        base = blobs.entries(prefix, both.base.files, home / f"base-{number}")
        theirs = blobs.entries(prefix, both.theirs.files, home / f"theirs-{number}")
        lead = f"{prefix}/" if prefix else ""
        nested = [one.removeprefix(lead) for one in everything
                  if one != prefix and one.startswith(lead)]  # fmt: skip
        one = Sides(goal.project, prefix, heads[prefix], base, theirs)
        found.append(sides.ruled(one, sides.matcher(both.seeds), owned, nested))
    absent = [path for one in found for path in sides.absent(one)]
    ignored = readiness.ignored(repository, absent)
    return [sides.without(one, ignored) for one in found]
