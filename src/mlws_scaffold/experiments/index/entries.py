"""The experiments of the working tree, and, through the cache, those of all branches."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlws_scaffold.errors import InvalidFile, Problem
from mlws_scaffold.experiments.index import cache, refresh
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
    """The index over all branches. `notes` say what it cannot know here, and why."""

    connection: sqlite3.Connection
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]


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


@contextlib.contextmanager
def everywhere(layout: Layout) -> Iterator[Everywhere]:
    """The experiments of every branch and the uncommitted ones, as they are now.

    Raises Unavailable where git is missing.
    """
    sources = refresh.look(layout)
    notes = []
    if sources.repository is None:
        notes.append("no git repository: only the files of this folder are known")
        path = cache.file_for(layout.root.resolve(), "")
    else:
        path = cache.file_for(sources.repository.common, sources.repository.prefix)
        if sources.repository.shallow:
            notes.append(
                "this clone is shallow: older dates are not known, and branches may be missing"
                " (git fetch --unshallow)"
            )
    with cache.opened(path, lambda found: refresh.refresh(found, sources)) as (connection, _):
        kept = json.loads(refresh.value(connection, "problems") or "[]")
        yield Everywhere(connection, tuple(Problem(**item) for item in kept), tuple(notes))


def is_cached(layout: Layout) -> bool:
    """Whether an index was made before, so that bringing it up to date is quick."""
    repository = refresh.look(layout).repository
    common, prefix = (repository.common, repository.prefix) if repository else (layout.root, "")
    return cache.file_for(common.resolve(), prefix).is_file()
