"""Chooses the newest version of each experiment and writes what `list` and `search` read: `list`
joins texts that are JSON already.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from mlws_scaffold.errors import Problem
from mlws_scaffold.experiments.index import metrics, notes, parsing
from mlws_scaffold.experiments.index.parsing import Parsed
from mlws_scaffold.workspace.layout import ARCHIVE, METADATA

Reader = Callable[[Sequence[str]], Iterator[str]]

_LISTED = ("experiment_id", "researcher", "status", "created", "goal", "tags", "parent", "decision")
_DAY, _EPOCH = 86_400, date(1970, 1, 1).toordinal()
_TEXTS = ("goal", "hypothesis", "conclusion")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version that may be the newest. `text` is the oid of the README or page, of an
    uncommitted one the text itself; `rank` orders equal ones, the smallest first.
    """

    kind: str
    path: str
    oid: str
    branch: str
    time: int | None
    rank: int
    metadata: str
    text: str
    uncommitted: bool = False

    @property
    def name(self) -> str:
        """What stays the same when an experiment is archived."""
        of_experiment = self.kind in ("experiment", notes.HANDOFF)
        return "/".join(self.path.split("/")[2:4]) if of_experiment else self.path

    @property
    def place(self) -> str:
        path = f"{self.path}/{METADATA}"
        return path if self.uncommitted else f"{self.branch}:{path}"

    @property
    def order(self) -> tuple[bool, int, int]:
        return self.uncommitted, -1 if self.time is None else self.time, -self.rank


def write(
    connection: sqlite3.Connection, found: Iterable[Candidate], today: str, read: Reader
) -> list[Problem]:
    """Make `documents` and `words` hold the newest of each, touching only rows that changed."""
    broken = _broken(connection)
    problems: list[Problem] = []
    best: dict[tuple[str, str], Candidate] = {}
    bad: list[Candidate] = []
    for item in found:
        if item.kind == "experiment" and (not item.metadata or item.metadata in broken):
            bad.append(item)
            continue
        other = best.get((item.kind, item.name))
        if other is None or item.order > other.order:
            best[item.kind, item.name] = item
    for item in bad:
        newer = best.get((item.kind, item.name))
        # A mistake that was mended since, on whichever branch, is none.
        if newer is None or item.order >= newer.order:
            problems += _explain(item, broken)
    problems += _doubles(connection, best, today)
    _store(connection, best, read)
    return _once(problems)


def _broken(connection: sqlite3.Connection) -> dict[str, list[Problem]]:
    query = "select oid, problems from blobs where fields is null"
    return {
        oid: [Problem(**item) for item in json.loads(kept)["problems"]]
        for oid, kept in connection.execute(query)
    }


def _explain(item: Candidate, broken: dict[str, list[Problem]]) -> Iterator[Problem]:
    if not item.metadata:
        yield Problem(item.place, "is a link", "keep the file itself here")
    for problem in broken.get(item.metadata, ()):
        yield replace(problem, path=item.place)


def _once(problems: Iterable[Problem]) -> list[Problem]:
    return sorted(set(problems), key=lambda item: (item.path, item.line, item.column, item.message))


def _doubles(
    connection: sqlite3.Connection, best: dict[tuple[str, str], Candidate], today: str
) -> list[Problem]:
    """Ids that two experiments share, and what a valid file says that cannot be."""
    owners: dict[str, list[Candidate]] = defaultdict(list)
    problems: list[Problem] = []
    connection.execute("create temp table if not exists chosen (name, metadata, path)")
    connection.execute("delete from chosen")
    connection.executemany(
        "insert into chosen values (?, ?, ?)",
        ((item.name, item.metadata, item.path) for item in best.values() if item.metadata),
    )
    day = date.fromisoformat(today)
    query = "select name, fields, problems from chosen join blobs on blobs.oid = metadata"
    double: dict[str, list[str]] = {}
    places: dict[str, tuple[int, int]] = {}
    for name, fields, kept in connection.execute(query):
        item = best["experiment", name]
        values, where = json.loads(fields), json.loads(kept)["places"]
        parsed = Parsed(values, (), where)
        problems += parsing.oddities(parsed, item.path, item.place, day)
        if (item.time or 0) // _DAY > day.toordinal() - _EPOCH + 1:
            when = datetime.fromtimestamp(item.time or 0, UTC).date()
            said = f"its last change lies in the future: {when}"
            problems.append(Problem(item.place, said, "set the clock, and change it once more"))
        places[name] = where.get("experiment_id", (1, 1))
        owners[values["experiment_id"].casefold()].append(item)
    for items in owners.values():
        for item in items if len(items) > 1 else ():
            double[item.name] = sorted(other.path for other in items if other is not item)
            said = f"is also the id of {', '.join(double[item.name])}"
            place = places[item.name]
            problems.append(Problem(item.place, said, "choose another id", "experiment_id", *place))
    connection.execute("create temp table if not exists doubles (name primary key, others)")
    connection.execute("delete from doubles")
    connection.executemany(
        "insert into doubles values (?, ?)",
        ((name, json.dumps(others)) for name, others in double.items()),
    )
    return problems


def _store(
    connection: sqlite3.Connection, best: dict[tuple[str, str], Candidate], read: Reader
) -> None:
    doubles = dict(connection.execute("select name, others from doubles").fetchall())
    query = "select kind, name, signature, id from documents"
    before = {(kind, name): (sign, key) for kind, name, sign, key in connection.execute(query)}
    for gone in before.keys() - best.keys():
        _remove(connection, before[gone][1])
    fresh: list[Candidate] = []
    for key, item in best.items():
        others = doubles.get(item.name, "")
        sign = "|".join((item.path, item.oid, item.branch, str(item.time), item.metadata, others))
        if key not in before or before[key][0] != sign:
            if key in before:
                _remove(connection, before[key][1])
            _insert(connection, item, sign, json.loads(others or "[]"))
            fresh.append(item)
    committed = [item for item in fresh if item.text and not item.uncommitted]
    for item, text in zip(committed, read([item.text for item in committed]), strict=True):
        _index(connection, item, text)
    for item in fresh:
        if item.uncommitted or not item.text:
            _index(connection, item, item.text)


def _remove(connection: sqlite3.Connection, key: int) -> None:
    connection.execute("delete from documents where id = ?", (key,))
    connection.execute("delete from words where rowid = ?", (key,))


def _fields(connection: sqlite3.Connection, item: Candidate) -> dict[str, Any]:
    query = "select fields from blobs where oid = ?"
    row = connection.execute(query, (item.metadata,)).fetchone()
    return dict(json.loads(row[0])) if row else {}


def _insert(connection: sqlite3.Connection, item: Candidate, sign: str, doubles: list[str]) -> None:
    fields = _fields(connection, item)
    results = fields.get("results") or {}
    measured = metrics.of(fields)
    owner = fields.get("owner") or fields.get("researcher") or ""
    row = {
        **{name: fields.get(name) for name in _LISTED},
        "owner": owner,
        "metric": results.get("metric"),
        "best_metric": results.get("best_metric"),
        "run_id": results.get("run_id"),
        "folder": item.path,
        "archived": item.path.startswith(f"{ARCHIVE}/"),
        "branch": item.branch,
        "tree": "" if item.uncommitted else item.oid,
        "uncommitted": item.uncommitted,
        "duplicate_of": doubles,
    }
    names = (fields.get("experiment_id", ""), fields.get("mlflow_experiment") or "")
    last, told = _last_activity(connection, names, item.time, item.uncommitted)
    values = (
        item.kind, item.name, sign, item.metadata, item.path, item.branch, *names,
        fields.get("researcher", ""), owner, fields.get("status", ""), fields.get("created", ""),
        fields.get("goal", ""), json.dumps(fields.get("tags", [])), json.dumps(measured.values),
        measured.best, measured.name, measured.direction, item.uncommitted, item.time, last, told,
        json.dumps(row)[:-1],
    )  # fmt: skip
    marks = ", ".join("?" * (len(values) + 1))
    connection.execute(f"insert into documents values ({marks})", (None, *values))  # noqa: S608


def date_again(connection: sqlite3.Connection, changed: str) -> None:
    """Renew the dates of experiments with one of these names, a JSON list, after runs moved."""
    query = (
        "select id, experiment_id, mlflow_experiment, changed, uncommitted from documents"
        " where experiment_id in (select value from json_each(?1))"
        " or mlflow_experiment in (select value from json_each(?1))"
    )
    for key, *names, time, uncommitted in connection.execute(query, (changed,)).fetchall():
        last, told = _last_activity(connection, (names[0], names[1]), time, uncommitted)
        statement = "update documents set last_activity = ?, activity = ? where id = ?"
        connection.execute(statement, (last, told, key))


def _last_activity(
    connection: sqlite3.Connection, names: tuple[str, str], changed: int | None, uncommitted: bool
) -> tuple[int | None, str]:
    """The later of the last change and the last run under these names, and the end of its row."""
    query = "select max(time) from runs where name in (?, ?)"
    (run,) = connection.execute(query, names).fetchone()
    last, source = changed, "file" if uncommitted else "git"
    if run is not None and (changed is None or run > changed):
        last, source = run, "mlflow"
    if last is None:
        return None, ', "last_activity": null, "activity_source": null'
    told = datetime.fromtimestamp(last, UTC).isoformat()
    return last, f', "last_activity": "{told}", "activity_source": "{source}"'


def _index(connection: sqlite3.Connection, item: Candidate, text: str) -> None:
    fields = _fields(connection, item)
    query = "select id from documents where kind = ? and name = ?"
    (key,) = connection.execute(query, (item.kind, item.name)).fetchone()
    title = f"{item.name} {fields.get('experiment_id', '')}"
    texts = [fields.get(name) or "" for name in _TEXTS]
    if item.kind != "experiment":
        told = notes.said(text)
        texts[0] = told.title
        statement = "update documents set goal = ?, status = ? where id = ?"
        connection.execute(statement, (told.title, told.status, key))
    connection.execute(
        "insert into words (rowid, title, tags, goal, hypothesis, conclusion, text)"
        " values (?, ?, ?, ?, ?, ?, ?)",
        (key, title, " ".join(fields.get("tags", [])), *texts, text),
    )
