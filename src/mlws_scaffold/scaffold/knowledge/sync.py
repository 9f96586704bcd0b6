"""Everything generated in `docs`, brought in step in one go."""

from __future__ import annotations

from dataclasses import dataclass

from mlws_scaffold.adapters import files, texts
from mlws_scaffold.scaffold.knowledge import indexes, memory, pages
from mlws_scaffold.workspace.config import Workspace
from mlws_scaffold.workspace.layout import DOCS, MEMORY


@dataclass(frozen=True, slots=True)
class Planned:
    """Files that would be written. `behind` are those whose content follows from the work tree
    alone; the progress page follows from all branches, so it is never late, only older.
    """

    behind: tuple[str, ...]
    progress: bool

    @property
    def paths(self) -> tuple[str, ...]:
        return (*self.behind, *((memory.PROGRESS,) if self.progress else ()))


def plan(place: Workspace) -> Planned:
    """What a sync would write. Raises InvalidFile for a page whose marks are broken."""
    behind = [
        indexes.path_of(kind) for kind in pages.HOMES if not indexes.is_current(place.layout, kind)
    ]
    behind += [f"{MEMORY}/people/{handle}.md" for handle in memory.missing(place)]
    old = texts.read(place.root / memory.PROGRESS, memory.PROGRESS)
    return Planned(tuple(behind), memory.progress(place.layout) != old)


def apply(place: Workspace) -> Planned:
    """Write what the plan names. Raises as `plan` does, and then nothing is written."""
    (place.root / DOCS).mkdir(exist_ok=True)
    with files.locked(place.root / DOCS):
        planned = plan(place)
        for kind in pages.HOMES:
            indexes.renew(place.layout, kind)
        for handle in memory.missing(place):
            memory.person(place.layout, handle)
        if planned.progress:
            path = place.root / memory.PROGRESS
            path.parent.mkdir(parents=True, exist_ok=True)
            files.write(path, memory.progress(place.layout))
    return planned
