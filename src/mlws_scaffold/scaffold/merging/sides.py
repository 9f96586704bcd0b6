"""The three trees of each project, by the rules of what an update may touch.

Seed files are made once and never touched. What the team took over (`[update] own`) is left out.
The answers file is the template's. A nested project is no part of the one around it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mlws_scaffold.scaffold.merging.patterns import Matcher
from mlws_scaffold.scaffold.merging.private import Entry, Files
from mlws_scaffold.scaffold.projects import ROOT, Project
from mlws_scaffold.workspace.layout import ANSWERS


@dataclass(frozen=True, slots=True)
class Sides:
    """A project's files by path from its folder: in HEAD, as once and as now rendered.

    `prefix` is its folder from the top of the repository, empty at the top.
    """

    project: Project
    prefix: str
    head: Files
    base: Files
    theirs: Files
    left_out: tuple[str, ...] = field(default=())

    def full(self, path: str) -> str:
        """A path of the project from the top of the repository."""
        return f"{self.prefix}/{path}" if self.prefix else path

    def edited(self, path: str) -> bool:
        """Whether the team has changed a file since the template gave it."""
        return self.head.get(path) != self.base.get(path)

    @property
    def generated(self) -> tuple[int, int]:
        """How many of the managed files are as generated, and how many there are."""
        managed = [path for path in self.base if path != ANSWERS]
        return sum(not self.edited(path) for path in managed), len(managed)


def split(files: Files, prefixes: Sequence[str]) -> list[dict[str, Entry]]:
    """The files of a commit, each under the innermost project that holds it."""
    found: list[dict[str, Entry]] = [{} for _ in prefixes]
    number = {prefix: index for index, prefix in enumerate(prefixes)}
    owner: dict[str, int | None] = {}

    def of(folder: str) -> int | None:
        if folder not in owner:
            if folder in number:
                owner[folder] = number[folder]
            else:
                owner[folder] = of(folder.rpartition("/")[0]) if folder else None
        return owner[folder]

    for path, entry in files.items():
        index = of(path.rpartition("/")[0])
        if index is not None:
            prefix = prefixes[index]
            found[index][path.removeprefix(f"{prefix}/") if prefix else path] = entry
    return found


def prefix_of(inside: str, project: Project) -> str:
    """A project's folder from the top of the repository, when the workspace lies in `inside`."""
    return "/".join(part for part in (inside, project.path) if part not in ("", ROOT))


def ruled(sides: Sides, seed: Matcher, owned: Matcher, nested: Sequence[str]) -> Sides:
    """The sides after the rules. `nested` are folders of projects inside this one."""

    def outside(path: str) -> bool:
        inner = any(path.startswith(f"{folder}/") for folder in nested)
        return inner or owned(_from_root(sides.project, path))

    base = {path: entry for path, entry in sides.base.items() if not outside(path)}
    theirs = {path: entry for path, entry in sides.theirs.items() if not outside(path)}
    seeds = {path for path in base.keys() | theirs.keys() if seed(path)}
    for path in seeds:
        if path in sides.head or path in base:
            theirs.pop(path, None)
        base.pop(path, None)
    if ANSWERS in sides.head and ANSWERS in theirs:
        # The answers brought forward count; what was changed in the file is among them.
        base[ANSWERS] = sides.head[ANSWERS]
    return Sides(sides.project, sides.prefix, sides.head, base, theirs)


def without(sides: Sides, ignored: Mapping[str, object]) -> Sides:
    """The sides without files that git ignores here: no commit could hold them."""
    gone = {path for path in sides.base.keys() | sides.theirs.keys() if sides.full(path) in ignored}
    gone -= sides.head.keys()
    if not gone:
        return sides
    fresh = sorted(gone & sides.theirs.keys() - sides.base.keys())
    base = {path: entry for path, entry in sides.base.items() if path not in gone}
    theirs = {path: entry for path, entry in sides.theirs.items() if path not in gone}
    return Sides(sides.project, sides.prefix, sides.head, base, theirs, tuple(fresh))


def absent(sides: Sides) -> list[str]:
    """What the template gives or gave and HEAD has not, from the top of the repository."""
    return [sides.full(path) for path in sides.base.keys() | sides.theirs.keys() - sides.head.keys()
            if path not in sides.head]  # fmt: skip


def _from_root(project: Project, path: str) -> str:
    return path if project.path == ROOT else f"{project.path}/{path}"
