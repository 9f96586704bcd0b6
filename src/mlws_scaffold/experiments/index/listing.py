"""Picks rows out of the index: by filters, or one by its name."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from mlws_scaffold.errors import Problem, UsageError, did_you_mean
from mlws_scaffold.experiments.index.entries import Everywhere
from mlws_scaffold.workspace.layout import METADATA

_DAY = 86_400
# Newest and best first; everything else from a to z.
_DESCENDING = ("last_activity", "created")
SORTS = ("best_metric", *_DESCENDING, "experiment_id", "researcher", "owner", "status", "branch")
_STALE = "(status = 'in_progress' and last_activity < ?)"
_REST = "iif(status = 'in_progress' and last_activity is null, 'null', 'false')"
# The row as JSON text; its one value is the instant before which an experiment is stale.
_ROW = f"""row || activity || ', "stale": ' || iif({_STALE}, 'true', {_REST}) || '}}'"""
_COMPARISONS = {">=": ">=", "<=": "<=", "=": "=", "==": "=", ">": ">", "<": "<"}


@dataclass(frozen=True, slots=True)
class Filters:
    """What a row must fit; an empty text fits all. `metrics`: each as in `accuracy>=0.9`."""

    state: str = ""
    researcher: str = ""
    owner: str = ""
    tag: str = ""
    branch: str = ""
    metrics: tuple[str, ...] = ()
    stale: bool = False
    sort: str = "last_activity"
    reverse: bool = False


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
    """Each row that fits as JSON text, put together by SQLite from what lies in the cache.

    Raises UsageError for a metric that is not written as a name, a comparison and a number.
    """
    before = int(time.time()) - found.stale_days * _DAY
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
    for text in filters.metrics:
        name, comparison, number = _metric(text)
        each = f"select 1 from json_each(metrics) where key = ? and value {comparison} ?"  # noqa: S608
        conditions.append(f"exists ({each})")
        values += [name, number]
    if filters.stale:
        conditions.append(_STALE)
        values.append(before)
    where = " and ".join(conditions)
    query = (
        f"select {_ROW} from documents indexed by newest"  # noqa: S608
        f" where {where} order by {_order(filters)}"
    )
    return chain.from_iterable(found.connection.execute(query, (before, *values)))


def with_metadata(found: Everywhere, now: float) -> Iterator[tuple[str, str]]:
    """Each row and all of its metadata as JSON texts, the last active first.

    `now`, in seconds since 1970, is when an experiment is stale or not.
    """
    before = int(now) - found.stale_days * _DAY
    query = (
        f"select {_ROW}, blobs.fields from documents indexed by newest"  # noqa: S608
        " join blobs on blobs.oid = metadata where kind = 'experiment'"
        f" order by {_order(Filters())}"
    )
    return iter(found.connection.execute(query, (before,)))


def unknown_metrics(found: Everywhere, filters: Filters) -> list[str]:
    """A remark on each metric of the filters that no experiment has a result for."""
    if not filters.metrics:
        return []
    query = "select distinct key from documents, json_each(metrics) where kind = 'experiment'"
    known = {key for (key,) in found.connection.execute(query)}
    names = {_metric(text)[0] for text in filters.metrics} - known
    if names and not known:
        return ["no experiment has a result with a name and a number yet: mlws experiment sync"]
    return [
        f"no experiment has a result for {name!r} ({did_you_mean(name, known)})"
        for name in sorted(names)
    ]


def _metric(text: str) -> tuple[str, str, float]:
    parts = re.fullmatch(r"\s*([^<>=]*[^<>=\s])\s*([<>]=?|==?)\s*(\S+)\s*", text)
    try:
        if parts is None or not math.isfinite(number := float(parts[3])):
            raise ValueError(text)
        return parts[1], _COMPARISONS[parts[2]], number
    except ValueError:
        raise UsageError(
            f"{text!r} is no condition on a metric", "write it so: --metric 'accuracy>=0.9'"
        ) from None


def _order(filters: Filters) -> str:
    """Unknown values come last either way. Metrics keep together: 0.9 of one and 12 of another
    say nothing about each other, and the best of each comes first, whichever way is better.
    """
    if filters.sort == "best_metric":
        way = "asc" if filters.reverse else "desc"
        return f"best_metric is null, metric, direction desc, best_metric * direction {way}, name"
    way = "desc" if (filters.sort in _DESCENDING) != filters.reverse else "asc"
    return f"{filters.sort} is null, {filters.sort} {way}, name"


def owners(found: Everywhere) -> list[Owner]:
    """Every experiment with its id."""
    query = "select experiment_id, folder, branch from documents where kind = 'experiment'"
    return [Owner(*row) for row in found.connection.execute(query)]


def detail(found: Everywhere, named: str) -> Detail:
    """The experiment with this id, folder, `researcher/name` or unambiguous beginning of an id.

    Raises UsageError when there is none, or more than one.
    """
    name = _pick(found, named)
    row = next(
        row for text in rows(found, Filters()) if (row := json.loads(text))["folder"] == name
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
