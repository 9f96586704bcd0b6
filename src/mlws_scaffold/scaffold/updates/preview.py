"""What an update makes of each file. Judges four states of a project's files; writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.scaffold.projects import Project
from mlws_scaffold.scaffold.updates.releases import Release
from mlws_scaffold.workspace.layout import ANSWERS

How = Literal["added", "changed", "merged", "deleted", "conflict"]
Entry = tuple[str, str]  # file mode and blob, as git names them
Tree = Mapping[str, Entry]

# Copier labels the two sides of a conflict with these words.
OURS, THEIRS = "<<<<<<< before updating", ">>>>>>> after updating"


@dataclass(frozen=True, slots=True)
class Change:
    """One file. `merged` means changed where the team had edited it, without a conflict."""

    path: str  # from the root of the workspace
    how: How


@dataclass(frozen=True, slots=True)
class Sides:
    """A project's files by path from its folder: before, as once and as now rendered, and after."""

    head: Tree
    base: Tree
    theirs: Tree
    result: Tree

    def edited(self, path: str) -> bool:
        """Whether the team has changed a file since the template gave it."""
        return self.head.get(path) != self.base.get(path)


@dataclass(frozen=True, slots=True)
class Step:
    """The update of one project. Its commits exist in the scratch clone only."""

    project: Project
    release: Release
    changes: tuple[Change, ...]
    warnings: tuple[str, ...]
    before: str
    commit: str
    base: str
    theirs: str

    @property
    def conflicts(self) -> tuple[str, ...]:
        return tuple(change.path for change in self.changes if change.how == "conflict")

    @property
    def title(self) -> str:
        versions = f"{self.project.version} -> {self.release.tag}"
        return f"Update {self.project.name} from the template: {versions}"


def tree(git: Git, commit: str, prefix: str) -> dict[str, Entry]:
    """The files of a commit below `prefix` (empty: all), by path from there."""
    found: dict[str, Entry] = {}
    for row in git.run("ls-tree", "-r", "-z", f"{commit}:{prefix}").split("\0"):
        place, _, path = row.partition("\t")
        if path:
            mode, _, blob = place.split(" ")
            found[path] = (mode, blob)
    return found


def renames(git: Git, base: str, theirs: str, prefix: str) -> dict[str, str]:
    """Files that the template renamed between two renders: old path to new path."""
    out = git.run(
        "diff-tree", "-r", "-z", "-M", "--diff-filter=R", "--name-status",
        f"{base}:{prefix}", f"{theirs}:{prefix}",
    )  # fmt: skip
    parts = [part for part in out.split("\0") if part]
    return dict(zip(parts[1::3], parts[2::3], strict=True))


def restorations(
    sides: Sides, moved: Mapping[str, str]
) -> tuple[dict[str, Entry | None], list[str]]:
    """What to put right after Copier so that no decision of the team is undone, and the warnings.

    An entry of None removes the path: the team had deleted the file and Copier made it again.
    """
    entries: dict[str, Entry | None] = {}
    warnings = []
    for path in sorted(sides.base.keys() & sides.result.keys() - sides.head.keys()):
        entries[path] = None
    for path in sorted(sides.head.keys() - sides.result.keys()):
        target = moved.get(path)
        # A migration of the template may have moved the file and its edits already.
        carried = target is not None and sides.result.get(target) != sides.theirs.get(target)
        if not sides.edited(path) or carried:
            continue
        fate = f"the template renamed it to {target}" if target else "the template no longer has it"
        entries[path] = sides.head[path]
        todo = (
            f"move them to {target} and remove it"
            if target
            else "remove it once you need it no more"
        )
        warnings.append(f"{path}: {fate}; it stays because of your edits: {todo}")
    fresh = sides.theirs.keys() - sides.base.keys() - sides.head.keys() - sides.result.keys()
    warnings += [
        f"{path}: new in the template, but git ignores it here, so it is left out"
        for path in sorted(fresh)
    ]
    return entries, warnings


def swallowed(sides: Sides) -> list[str]:
    """Files changed on both sides of which nothing but the template's version is left.

    Either both changed the same thing, or Copier dropped the team's edit, as it does in a binary.
    """
    both = sides.head.keys() & sides.base.keys() & sides.theirs.keys() & sides.result.keys()
    return sorted(
        path
        for path in both - {ANSWERS}
        if sides.edited(path)
        and sides.result[path] == sides.theirs[path]
        and sides.theirs[path] not in (sides.base[path], sides.head[path])
    )


def changes(sides: Sides, conflicts: Collection[str], folder: str) -> tuple[Change, ...]:
    """How each file differs before and after, conflicts included, with paths from the root."""
    found = []
    paths = {
        p
        for p in sides.head.keys() | sides.result.keys()
        if sides.head.get(p) != sides.result.get(p)
    }
    for path in sorted(paths | set(conflicts)):
        how: How = "merged" if sides.edited(path) and path != ANSWERS else "changed"
        if path in conflicts:
            how = "conflict"
        elif path not in sides.head:
            how = "added"
        elif path not in sides.result:
            how = "deleted"
        found.append(Change(f"{folder}/{path}" if folder != "." else path, how))
    return tuple(found)
