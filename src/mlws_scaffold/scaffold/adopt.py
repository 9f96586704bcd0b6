"""Brings a folder that was not made from the template under it, by the merge of an update."""

from __future__ import annotations

import re
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError, UsageError, did_you_mean
from mlws_scaffold.scaffold import create, origin, update
from mlws_scaffold.scaffold.merging.private import create as private_repository
from mlws_scaffold.scaffold.merging.templates import Rendered, Templates, Wanted
from mlws_scaffold.scaffold.projects import ROOT, Project
from mlws_scaffold.scaffold.update import Plan
from mlws_scaffold.scaffold.updates import journal, nearest, readiness, releases
from mlws_scaffold.scaffold.updates.nearest import Near
from mlws_scaffold.scaffold.updates.readiness import Repository
from mlws_scaffold.scaffold.updates.releases import Release
from mlws_scaffold.scaffold.updates.rendering import Both
from mlws_scaffold.workspace.layout import ANSWERS, find_root

KINDS = ("workspace", "experiment", "prototype", "agent")
_LINK = "120000"


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for. `kind` empty: the one that the folder is nearest to."""

    folder: Path
    kind: str = ""
    to: str | None = None
    origin: str | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Adoption:
    """A plan that makes the folder a project, and what was found out about it."""

    plan: Plan
    kind: str
    near: str  # the version it is nearest to, empty when it is near to none
    share: float
    answers: Mapping[str, Any]


@contextmanager
def planned(wish: Wish, tell: Callable[[str], None]) -> Iterator[Adoption]:
    """Work out the adoption beside the repository; nothing of the folder is touched.

    Raises UsageError for a folder that is a project already or whose kind or template is unknown.
    """
    folder = wish.folder.resolve()
    if not folder.is_dir():
        raise UsageError(f"{wish.folder} is no folder")
    repository = readiness.repository(Git(folder))
    journal.refuse_unfinished(repository.folder)
    root = find_root(folder.parent)
    if root is None or not root.is_relative_to(repository.top.resolve()):
        root = folder
    files = _files(repository)
    if ANSWERS in files:
        raise UsageError(f"{wish.folder} is a project already", "mlws update brings it further")
    source = wish.origin or origin.find(None).address
    if not source:
        raise UsageError("no template is known", "name its git address or a clone: --origin PLACE")
    where = releases.place(source)
    commits = releases.offered(Git(folder), where)
    goal = releases.chosen(commits, wish.to, where)
    with tempfile.TemporaryDirectory(prefix="mlws-adopt-", ignore_cleanup_errors=True) as name:
        home = Path(name).resolve()
        templates = Templates(Git(folder), where, home)
        contents = _contents(repository, files, home)
        path = ROOT if root == folder else folder.relative_to(root).as_posix()
        blank = Project(path, wish.kind, source, goal.tag, {})
        kinds = [wish.kind] if wish.kind else list(KINDS)
        found = _nearest(templates, blank, kinds, _releases(commits, goal), contents, wish)
        tell(f"{found.project.kind}: nearest to {found.near.release.tag}")
        yield _planned(templates, found, goal, readiness.repository(Git(root)), root, home)


@dataclass(frozen=True, slots=True)
class _Found:
    project: Project
    near: Near
    contents: Mapping[str, bytes]
    given: Mapping[str, Any]


def _planned(
    templates: Templates,
    found: _Found,
    goal: Release,
    repository: Repository,
    root: Path,
    home: Path,
) -> Adoption:
    project, near = found.project, found.near
    theirs = templates.render(project, Wanted(goal.commit, project.source, goal.tag, found.given))
    # Only what is there and alike came from the template: the rest it never gave.
    alike = {
        path: file
        for path, file in near.rendered.files.items()
        if path != ANSWERS
        and path in found.contents
        and nearest.likeness(file[0], found.contents[path]) >= nearest.LIKENESS
    }
    rules = templates.rules(project, goal.commit)
    both = Both(
        project=replace(project, version=near.release.tag if alike else "nothing"),
        release=goal,
        base=Rendered(alike, near.rendered.answers),
        theirs=theirs,
        seeds=rules.seeds,
        notes=(),
        migrations=(),
    )
    plan = update.merged(Plan(root, repository, (), templates=templates), [both], home)
    return Adoption(
        plan, project.kind, near.release.tag if alike else "", near.share, theirs.answers
    )


def _nearest(
    templates: Templates,
    blank: Project,
    kinds: Sequence[str],
    offered: Sequence[Release],
    contents: Mapping[str, bytes],
    wish: Wish,
) -> _Found:
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise UsageError(f"{unknown[0]} is no kind to adopt", did_you_mean(unknown[0], KINDS))
    best: _Found | None = None
    for kind in kinds:
        inferred = _inferred(kind, wish.folder.resolve(), contents)
        project = replace(blank, kind=kind, answers=inferred)
        near = nearest.find(templates, project, offered, contents, wish.answers)
        if near is not None and (best is None or near.share > best.near.share):
            best = _Found(project, near, contents, wish.answers)
    if best is None:
        raise MlwsError("no version of the template renders with what is known of the folder",
                        "name its kind with --kind and answers with -d")  # fmt: skip
    if not best.near.share and len(kinds) > 1:
        raise UsageError("nothing in the folder is like the template, so its kind is not known",
                         f"name it: --kind {'|'.join(KINDS)}")  # fmt: skip
    return best


def _inferred(kind: str, folder: Path, contents: Mapping[str, bytes]) -> dict[str, Any]:
    """Answers that the folder gives away: its name, who works here, what pyproject.toml says."""
    if kind == "workspace":
        found: dict[str, Any] = dict(create.suggestions(folder))
    else:
        found = {f"{kind}_name": re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-")}
    try:
        project = tomllib.loads(contents.get("pyproject.toml", b"").decode()).get("project", {})
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        return found
    if isinstance(project, dict) and isinstance(project.get("description"), str):
        purpose = {"workspace": "workspace_description", "experiment": "experiment_goal"}
        found[purpose.get(kind, f"{kind}_purpose")] = project["description"]
    return found


def _releases(commits: Mapping[str, str], goal: Release) -> list[Release]:
    """All releases up to the goal, oldest first."""
    return [Release(tag, commits[tag]) for tag in releases.in_order(commits, goal.tag)]


def _files(repository: Repository) -> dict[str, tuple[str, str]]:
    """The files of HEAD in the folder, by path from there."""
    lead = f"{repository.inside}/" if repository.inside else ""
    listing = readiness.listing(repository)
    return {path.removeprefix(lead): entry for path, entry in listing.items()
            if path.startswith(lead)}  # fmt: skip


def _contents(
    repository: Repository, files: Mapping[str, tuple[str, str]], home: Path
) -> dict[str, bytes]:
    plain = {path: oid for path, (mode, oid) in files.items() if mode.startswith("100")}
    look = home / "look"
    look.mkdir()
    alone = private_repository(look, repository.objects, repository.form)
    return dict(zip(plain, alone.contents(plain.values()), strict=True))
