"""The experiments of the working tree, with what each declares."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.errors import InvalidFile, Problem
from mlws_scaffold.experiments import spec
from mlws_scaffold.experiments.spec import Metadata
from mlws_scaffold.workspace.layout import METADATA, Layout


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


def of_working_tree(layout: Layout) -> Index:
    """Read every experiment, active and archived. A broken one becomes problems, never an error."""
    entries: list[Entry] = []
    problems: list[Problem] = []
    for folder in layout.experiments():
        path = folder / METADATA
        try:
            entries.append(Entry(folder, spec.load(path, layout.relative(path))))
        except InvalidFile as error:
            problems.extend(error.problems)
    return Index(tuple(entries), tuple(problems))
