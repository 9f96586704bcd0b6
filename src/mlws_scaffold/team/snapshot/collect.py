"""Builds the snapshot: every collector by itself, then what follows from all of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from types import ModuleType
from typing import Any

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError, UsageError, did_you_mean
from mlws_scaffold.team.snapshot import (
    agents,
    attention,
    commits,
    costs,
    experiments,
    gpus,
    joining,
    knowledge,
    licences,
    models,
    people,
    reviews,
    runs,
    security,
)
from mlws_scaffold.team.snapshot.period import Period, instant
from mlws_scaffold.team.snapshot.section import Section, missing
from mlws_scaffold.workspace.config import Workspace

VERSION = 1

# Each has NAME, SOURCE, EMPTY (the data of a section without numbers) and `collect`.
COLLECTORS: tuple[ModuleType, ...] = (
    people,
    experiments,
    runs,
    commits,
    reviews,
    models,
    agents,
    gpus,
    costs,
    knowledge,
)
# What costs time or tells only an auditor something: collected where it is named.
ON_DEMAND: tuple[ModuleType, ...] = (licences, security)


def build(place: Workspace, period: Period, only: Collection[str] = ()) -> dict[str, Any]:
    """The snapshot of the period, or (`only`) these sections of it.

    One collector that fails leaves a section that says why; the others are as they are.
    """
    # Rules look at all sections, whatever is shown of them.
    every = not only or attention.NAME in only
    names = {*only, *(experiments.NEEDS if experiments.NAME in only else ())}
    wanted = [one for one in COLLECTORS if every or one.NAME in names]
    wanted += [one for one in ON_DEMAND if one.NAME in only]
    sections = {one.NAME: _section(one, place, period).shape() for one in wanted}
    joining.link(sections)
    if every:
        found = attention.of(sections, period.until, period.zone)
        sections[attention.NAME] = Section(attention.NAME, attention.SOURCE, found).shape()
    if only:
        sections = {name: one for name, one in sections.items() if name in only}
    table = place.config.workspace
    return {
        "version": VERSION,
        "at": instant(period.until),
        "zone": period.zone,
        "since": instant(period.since),
        "workspace": {
            "name": table.name,
            "organisation": table.organisation,
            "default_branch": table.default_branch,
            "root_name": place.root.resolve().name,
        },
        "commit": _head(place),
        "sections": sections,
    }


def _section(collector: ModuleType, place: Workspace, period: Period) -> Section:
    name, source, empty = collector.NAME, collector.SOURCE, collector.EMPTY
    try:
        found: Section = collector.collect(place, period)
    except MlwsError as error:
        return missing(name, source, empty, error.message)
    except (OSError, sqlite3.Error) as error:
        return missing(name, source, empty, str(error) or type(error).__name__)
    return found


def _head(place: Workspace) -> str | None:
    try:
        return Git(place.root).commit_of("HEAD")
    except MlwsError:
        return None


def chosen(only: Collection[str]) -> Collection[str]:
    """The names of sections that were asked for. Raises UsageError for one that there is not."""
    names = [*(one.NAME for one in (*COLLECTORS, *ON_DEMAND)), attention.NAME]
    for name in only:
        if name not in names:
            raise UsageError(f"the snapshot has no section {name!r}", did_you_mean(name, names))
    return only


def size(section: Mapping[str, Any]) -> int | None:
    """How many entries a section has; None where nothing was measured."""
    data = section["data"]
    if not section["ok"]:
        return None
    return len(data) if isinstance(data, list) else sum(map(len, _lists(data)))


def _lists(data: Mapping[str, Any]) -> list[list[Any]]:
    return [one for one in data.values() if isinstance(one, list)]
