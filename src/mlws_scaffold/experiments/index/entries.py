"""The experiments of the working tree, and, through the cache, those of all branches."""

from __future__ import annotations

import json
import sqlite3
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlws_scaffold.errors import InvalidFile, Problem
from mlws_scaffold.experiments.index import cache, last_runs, refs, settings, watch
from mlws_scaffold.experiments.index.refs import Repository
from mlws_scaffold.experiments.index.watch import Seen
from mlws_scaffold.workspace.layout import METADATA, Layout

if TYPE_CHECKING:
    from mlws_scaffold.experiments.spec import Metadata


@dataclass(frozen=True, slots=True)
class Entry:
    """An experiment: its folder, and its metadata."""

    folder: Path
    metadata: Metadata


@dataclass(frozen=True, slots=True)
class Index:
    """What could be read, and the problems of every `metadata.yaml` that could not."""

    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Everywhere:
    """The index over all branches. `notes` say what it cannot know here, and why; `stale_days` is
    when an experiment in progress becomes stale.
    """

    connection: sqlite3.Connection
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    stale_days: int = 14


def of_working_tree(layout: Layout) -> Index:
    """Read every experiment, active and archived. A broken one becomes problems, never an error."""
    # Imported here: pydantic costs more than a warm index, which parses nothing.
    from mlws_scaffold.experiments import spec

    entries: list[Entry] = []
    problems: list[Problem] = []
    for folder in layout.experiments():
        path = folder / METADATA
        try:
            entries.append(Entry(folder, spec.load(path, layout.relative(path))))
        except InvalidFile as error:
            problems.extend(error.problems)
    return Index(tuple(entries), tuple(problems))


def everywhere(layout: Layout) -> AbstractContextManager[Everywhere]:
    """The experiments of every branch and the uncommitted ones, as they are now.

    Raises Unavailable where git is missing.
    """
    seen = watch.look(layout)
    return cache.opened(_file(layout, seen.repository), lambda found: _renewed(found, seen))


def with_runs(layout: Layout, *, online: bool = False) -> AbstractContextManager[Everywhere]:
    """The same, its dates and staleness with the runs of the tracking store.

    A store that is no file here is only asked when `online`. Raises InvalidFile for a broken
    `mlws.toml`.
    """
    seen = watch.look(layout)

    def prepare(connection: sqlite3.Connection) -> Everywhere:
        found = _renewed(connection, seen)
        known = settings.of(connection, layout.root)
        notes = last_runs.refresh(connection, known, layout.root, online=online)
        return replace(found, notes=(*found.notes, *notes), stale_days=known.stale_days)

    return cache.opened(_file(layout, seen.repository), prepare)


def is_cached(layout: Layout) -> bool:
    """Whether an index was made before, so that bringing it up to date is quick."""
    return _file(layout, refs.repository(layout.root)).is_file()


def _file(layout: Layout, repository: Repository | None) -> Path:
    if repository is None:
        return cache.file_for(layout.root.resolve(), "")
    return cache.file_for(repository.common, repository.prefix)


def _renewed(connection: sqlite3.Connection, seen: Seen) -> Everywhere:
    if cache.value(connection, "seen") != seen.stamp:
        # Imported here: a warm index needs none of it.
        from mlws_scaffold.experiments.index import refresh

        refresh.refresh(connection, seen)
    kept = json.loads(cache.value(connection, "problems") or "[]")
    return Everywhere(connection, tuple(Problem(**item) for item in kept), _notes(seen))


def _notes(seen: Seen) -> tuple[str, ...]:
    if seen.repository is None:
        return ("no git repository: only the files of this folder are known",)
    if seen.repository.shallow:
        return (
            "this clone is shallow: older dates are not known, and branches may be missing"
            " (git fetch --unshallow)",
        )
    return ()
