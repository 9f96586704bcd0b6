"""Picks rows out of the index: by filters, or one by its name."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlws_scaffold.errors import Problem, UsageError, did_you_mean
from mlws_scaffold.experiments.index.entries import Everywhere
from mlws_scaffold.workspace.layout import METADATA

_DAY = 86_400
# Newest and best first; everything else from a to z.
_DESCENDING = ("last_activity", "created", "best_metric")
SORTS = (*_DESCENDING, "experiment_id", "researcher", "owner", "status", "branch")


@dataclass(frozen=True, slots=True)
class Filters:
    """What a row must fit; an empty text fits all. `stale_days`: when in_progress becomes stale."""

    state: str = ""
    researcher: str = ""
    owner: str = ""
    tag: str = ""
    branch: str = ""
    stale: bool = False
    sort: str = "last_activity"
    reverse: bool = False
    stale_days: int = 14


@dataclass(frozen=True, slots=True)
class Owner:
    """Who has an id: the folder, and the branch with its newest version."""

    experiment_id: str
    folder: str
    branch: str


@dataclass(frozen=True, slots=True)
class Detail:
    """One experiment: its row of the list, all of its metadata, and what is wrong with it."""

    row: Mapping[str, Any]
    metadata: Mapping[str, Any]
    problems: tuple[Problem, ...]


def rows(found: Everywhere, filters: Filters) -> Iterator[str]:
    """Each row that fits as JSON text, as it lies in the cache; only `stale` is added."""
    before = int(time.time()) - filters.stale_days * _DAY
    conditions, values = ["kind = 'experiment'"], list[object]()
    for column in ("researcher", "owner", "branch"):
        if wanted := getattr(filters, column):
            conditions.append(f"{column} = ?")
            values.append(wanted)
    if filters.state:
        conditions.append("status = ?")
        values.append(filters.state)
    if filters.tag:
        conditions.append("exists (select 1 from json_each(tags) where value = ?)")
        values.append(filters.tag)
    stale = "(status = 'in_progress' and last_activity < ?)"
    if filters.stale:
        conditions.append(stale)
        values.append(before)
    down = (filters.sort in _DESCENDING) != filters.reverse
    order = f"{filters.sort} is null, {filters.sort} {'desc' if down else 'asc'}, name"
    where = " and ".join(conditions)
    query = f"select row, {stale} from documents where {where} order by {order}"  # noqa: S608
    for row, is_stale in found.connection.execute(query, (before, *values)):
        word = "null" if is_stale is None else ("true" if is_stale else "false")
        yield f'{row[:-1]}, "stale": {word}}}'


def owners(found: Everywhere) -> list[Owner]:
    """Every experiment with its id."""
    query = "select experiment_id, folder, branch from documents where kind = 'experiment'"
    return [Owner(*row) for row in found.connection.execute(query)]


def detail(found: Everywhere, named: str, stale_days: int) -> Detail:
    """The experiment with this id, folder, `researcher/name` or unambiguous beginning of an id.

    Raises UsageError when there is none, or more than one.
    """
    name = _pick(found, named)
    row = next(
        row
        for text in rows(found, Filters(stale_days=stale_days))
        if (row := json.loads(text))["folder"] == name
    )
    place = f"{name}/{METADATA}"
    problems = tuple(
        item for item in found.problems if item.path == place or item.path.endswith(f":{place}")
    )
    return Detail(row, _metadata(found, name), problems)


def _metadata(found: Everywhere, folder: str) -> dict[str, Any]:
    query = "select blobs.fields from documents join blobs on blobs.oid = metadata where folder = ?"
    (fields,) = found.connection.execute(query, (folder,)).fetchone()
    return dict(json.loads(fields))


def _pick(found: Everywhere, named: str) -> str:
    """The folder of the one that is meant."""
    query = "select experiment_id, folder, name from documents where kind = 'experiment'"
    known = found.connection.execute(query).fetchall()
    asked = named.rstrip("/")
    for fits in (
        [folder for key, folder, name in known if asked in (key, folder, name)],
        [folder for key, folder, _ in known if asked and key.startswith(asked)],
        [folder for _, folder, _ in known if asked and asked == folder.rpartition("/")[2]],
    ):
        if len(fits) == 1:
            return str(fits[0])
        if fits:
            some = ", ".join(sorted(fits)[:5]) + (", …" if len(fits) > 5 else "")
            raise UsageError(f"{named!r} means more than one: {some}", "name the folder")
    ids = [key for key, _, _ in known]
    near = did_you_mean(named, ids)
    cure = near if near.startswith("did") or len(ids) <= 10 else "see: mlws experiment list"
    raise UsageError(
        f"no experiment {named!r} on any branch known here",
        cure if ids else "mlws-new experiment NAME",
    )
