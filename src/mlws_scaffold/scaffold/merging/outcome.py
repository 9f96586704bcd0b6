"""What an update makes of each file, and what a person should know of each project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mlws_scaffold.scaffold.merging.merge import Merged
from mlws_scaffold.scaffold.merging.private import Entry, Files
from mlws_scaffold.scaffold.merging.sides import Sides
from mlws_scaffold.scaffold.projects import ROOT, Project
from mlws_scaffold.scaffold.updates.releases import Release
from mlws_scaffold.workspace.layout import ANSWERS

How = Literal[
    "added", "changed", "merged", "renamed", "deleted", "kept deleted", "kept", "conflict"
]


@dataclass(frozen=True, slots=True)
class Change:
    """One file, with its path from the root of the workspace.

    `merged` means changed where the team had edited it; `renamed` that the template renamed it and
    the team's edits went along; `kept deleted` and `kept` that the team's decision stands against
    the template's. `before` is its old path, where it has a new one.
    """

    path: str
    how: How
    before: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """The update of one project. `entries` and `stages` have paths from the top of the repository;
    an entry of None removes the file, and `stages` are its sides where it is in conflict.
    """

    project: Project
    release: Release
    changes: tuple[Change, ...]
    warnings: tuple[str, ...]
    entries: Mapping[str, Entry | None]
    stages: Mapping[str, Mapping[int, Entry]]

    @property
    def conflicts(self) -> tuple[str, ...]:
        return tuple(change.path for change in self.changes if change.how == "conflict")


def step(sides: Sides, merged: Merged, release: Release, notes: tuple[str, ...]) -> Step:
    """Judge one merged project. `notes` come first among its warnings."""
    project = sides.project
    differing = {
        path: merged.result.get(path)
        for path in sorted(sides.head.keys() | merged.result.keys())
        if sides.head.get(path) != merged.result.get(path)
    }
    return Step(
        project=project,
        release=release,
        changes=tuple(_changes(sides, merged, differing)),
        warnings=(*notes, *_warnings(sides, merged)),
        entries={sides.full(path): entry for path, entry in differing.items()},
        stages={sides.full(path): stages for path, stages in merged.conflicts.items()},
    )


def placed(project: Project, path: str) -> str:
    """A path of a project from the root of the workspace."""
    return path if project.path == ROOT else f"{project.path}/{path}"


def _changes(sides: Sides, merged: Merged, differing: Files | Mapping[str, object]) -> list[Change]:
    olds = {new: old for old, new in [*merged.moved.items(), *merged.renamed.items()]}
    found: dict[str, Change] = {}
    for path in differing:
        if path in merged.renamed:
            continue
        found[path] = Change(placed(sides.project, path), _how(sides, merged, path))
    for path in merged.conflicts:
        found[path] = Change(placed(sides.project, path), "conflict")
    for path in merged.kept_deleted:
        found[path] = Change(placed(sides.project, path), "kept deleted")
    for path in merged.kept:
        found[path] = Change(placed(sides.project, path), "kept")
    return [
        Change(change.path, change.how, placed(sides.project, olds[path]))
        if path in olds
        else change
        for path, change in sorted(found.items())
    ]


def _how(sides: Sides, merged: Merged, path: str) -> How:
    if path in merged.renamed.values():
        return "renamed"
    if path not in sides.head:
        return "added"
    if path not in merged.result:
        return "deleted"
    return "merged" if sides.edited(path) and path != ANSWERS else "changed"


def _warnings(sides: Sides, merged: Merged) -> list[str]:
    def at(path: str) -> str:
        return placed(sides.project, path)

    said = [
        f"{at(path)}: new in the template, but git ignores it here, so it is left out"
        for path in sides.left_out
    ]
    said += [
        f"{at(path)}: the template no longer has it; it stays because of your edits: remove it"
        " once you need it no more"
        for path in merged.kept
    ]
    said += [
        f"{at(path)}: the template changed it; it stays deleted, as you left it"
        for path in merged.kept_deleted
    ]
    same, managed = sides.generated
    if managed >= 8 and same * 4 < managed:
        said.append(
            f"only {same} of {managed} files are as the template gave them: is the recorded version"
            " right? mlws update --link finds the nearest"
        )
    return said
