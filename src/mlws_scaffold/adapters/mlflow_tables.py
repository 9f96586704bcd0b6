"""Runs in a SQLite store of MLflow, read and written as MLflow's own client does it.

Importing MLflow costs two seconds of processor time, these tables cost none. Only tables of the
very shape that is written here are touched; with any other MLflow's client does the work.
"""

from __future__ import annotations

import contextlib
import json
import posixpath
import re
import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from mlws_scaffold.errors import Unavailable

# As of the migration dc11669786a5 (MLflow 3.17).
_SHAPE: Mapping[str, str] = {
    "experiments": "experiment_id name artifact_location lifecycle_stage creation_time"
    " last_update_time workspace",
    "runs": "run_uuid name source_type source_name entry_point_name user_id status start_time"
    " end_time source_version lifecycle_stage artifact_uri experiment_id deleted_time",
    "tags": "key value run_uuid",
    "params": "key value run_uuid",
    "latest_metrics": "key value timestamp step is_nan run_uuid",
}
# Workspaces are a server's; without them MLflow sees this one alone.
_RUNS = (
    "select r.run_uuid, e.name, r.status, r.start_time, r.end_time"
    " from runs r join experiments e using (experiment_id)"
    " where e.lifecycle_stage = 'active' and e.workspace = 'default'"
    " and r.lifecycle_stage = 'active'"
)
# The three kinds of facts about the runs of a JSON list; NaN is kept beside a zero.
_FACTS = {
    "metrics": "select run_uuid, key, iif(is_nan, 'nan', value) from latest_metrics",
    "params": "select run_uuid, key, value from params",
    "tags": "select run_uuid, key, ifnull(value, '') from tags",
}
_OF_RUNS = " where run_uuid in (select value from json_each(?))"
# MLflow's own limits, mlflow/utils/validation.py.
_MOST_KEY, _MOST_VALUE, _MOST_NAME = 250, 8000, 500
_KEY = re.compile(r"^[/\w.\- :]*$")
_SECONDS_TO_WAIT = 60.0


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one store. Every call is one transaction, safe from any thread."""

    path: Path

    def search(
        self,
        names: Iterable[str] | None,
        tags: Mapping[str, str],
        active_since: datetime | None = None,
    ) -> list[dict[str, Any]]:
        """Runs of the named experiments (all without names) with these tags, newest first.

        `active_since`: only those that started or ended since then, or have no end.
        """
        where, values = list[str](), list[object]()
        if active_since is not None:
            where.append(" and max(r.start_time, ifnull(r.end_time, 9e18)) >= ?")
            values.append(int(active_since.timestamp() * 1000))
        if names is not None:
            where.append(" and e.name in (select value from json_each(?))")
            values.append(json.dumps(list(names)))
        for name, value in tags.items():
            where.append(" and run_uuid in (select run_uuid from tags where key = ? and value = ?)")
            values += [name, value]
        statement = _RUNS + "".join(where) + " order by r.start_time desc, r.run_uuid"
        with self._open("deferred") as store:
            rows = [_row(*found) for found in store.execute(statement, values)]
            kept = {row["run_id"]: row for row in rows}
            for field, question in _FACTS.items():
                found = store.execute(question + _OF_RUNS, [json.dumps(list(kept))])
                for run_id, key, content in found:
                    kept[run_id][field][key] = float(content) if field == "metrics" else content
        return rows

    def experiment(self, name: str, folder: Path) -> str:
        """Id of the MLflow experiment, made when there is none; its files lie below `folder`."""
        if not name or len(name) > _MOST_NAME:
            raise _refused(f"an experiment cannot be called {name[:50]!r}")
        with self._open("immediate") as store:
            statement = (
                "select experiment_id, lifecycle_stage from experiments"
                " where name = ? and workspace = 'default'"
            )
            found = store.execute(statement, [name]).fetchone()
            if found is None:
                now = _now()
                added = store.execute(
                    "insert into experiments (name, artifact_location, lifecycle_stage,"
                    " creation_time, last_update_time, workspace)"
                    " values (?, ?, 'active', ?, ?, 'default')",
                    [name, folder.as_uri(), now, now],
                )
                return str(added.lastrowid)
        if found[1] != "active":
            raise Unavailable(
                f"the MLflow experiment {name!r} is deleted",
                "restore it, or name another in mlflow_experiment",
            )
        return str(found[0])

    def create(self, experiment: str, tags: Mapping[str, str]) -> str:
        """Id of a new run that is RUNNING. Without a tag mlflow.runName its id gives the name."""
        run_id = uuid.uuid4().hex
        named = {"mlflow.runName": run_id[:8], **tags}
        kept = dict(_judged(key, value) for key, value in named.items())
        with self._open("immediate") as store:
            statement = "select artifact_location from experiments where experiment_id = ?"
            found = store.execute(statement, [experiment]).fetchone()
            if found is None:
                raise _refused(f"there is no experiment {experiment}")
            store.execute(
                "insert into runs (run_uuid, name, source_type, source_name, entry_point_name,"
                " user_id, status, start_time, source_version, lifecycle_stage, artifact_uri,"
                " experiment_id) values (?, ?, 'UNKNOWN', '', '', ?, 'RUNNING', ?, '', 'active',"
                " ?, ?)",
                [
                    run_id,
                    kept["mlflow.runName"],
                    kept.get("mlflow.user", "unknown"),
                    _now(),
                    _below(str(found[0]), f"{run_id}/artifacts"),
                    int(experiment),
                ],
            )
            _write_tags(store, run_id, kept)
        return run_id

    def tag(self, run_id: str, tags: Mapping[str, str]) -> None:
        kept = dict(_judged(key, value) for key, value in tags.items())
        name = kept.get("mlflow.runName")
        if name == "":
            del kept["mlflow.runName"]  # MLflow keeps the name that a run has
        with self._open("immediate") as store:
            self._require(store, run_id)
            _write_tags(store, run_id, kept)
            if name:
                store.execute("update runs set name = ? where run_uuid = ?", [name, run_id])

    def reopen(self, run_id: str, status: str = "RUNNING") -> None:
        """Make a run RUNNING (or SCHEDULED) again; as in MLflow its old end stays until the new."""
        with self._open("immediate") as store:
            self._require(store, run_id)
            store.execute("update runs set status = ? where run_uuid = ?", [status, run_id])

    def end(self, run_id: str, status: str, at: float | None = None) -> None:
        """End the run as FINISHED, FAILED or KILLED; `at`: seconds since 1970, default now."""
        with self._open("immediate") as store:
            self._require(store, run_id)
            store.execute(
                "update runs set status = ?, end_time = ? where run_uuid = ?",
                [status, _now() if at is None else int(at * 1000), run_id],
            )

    def folder(self, run_id: str) -> Path | None:
        """Where the run's artifacts lie; None when that is no folder of this machine."""
        with self._open("deferred") as store:
            place = urlsplit(self._require(store, run_id))
        local = place.scheme in ("", "file") and place.netloc in ("", "localhost")
        return Path(unquote(place.path)) if local and place.path.startswith("/") else None

    def _require(self, store: sqlite3.Connection, run_id: str) -> str:
        """Artifact address of a run that is there and not deleted."""
        statement = "select artifact_uri, lifecycle_stage from runs where run_uuid = ?"
        found = store.execute(statement, [run_id]).fetchone()
        if found is None:
            raise _refused(f"there is no run {run_id}")
        if found[1] != "active":
            raise _refused(f"run {run_id} is deleted")
        return str(found[0] or "")

    @contextlib.contextmanager
    def _open(self, kind: str) -> Iterator[sqlite3.Connection]:
        try:
            with contextlib.closing(_connect(self.path)) as store:
                store.execute("pragma foreign_keys = on")
                store.execute(f"begin {kind}")
                yield store  # closing without a commit takes everything back
                store.execute("commit")
        except sqlite3.Error as error:
            raise _refused(str(error)) from None


def known(path: Path) -> bool:
    """Whether the file holds MLflow's tables in the shape that this module reads and writes."""
    try:
        with contextlib.closing(_connect(path)) as store:
            for table, columns in _SHAPE.items():
                found = {row[1] for row in store.execute(f"pragma table_info({table})")}
                if found != set(columns.split()):
                    return False
            listed = json.dumps(list(_SHAPE))
            statement = (
                "select 1 from sqlite_master where type = 'trigger'"
                " and tbl_name in (select value from json_each(?))"
            )
            other = "select 1 from experiments where workspace <> 'default'"
            asked = [store.execute(statement, [listed]), store.execute(other)]
            return not any(found.fetchone() for found in asked)
    except sqlite3.Error:
        return False


def _connect(path: Path) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?mode=rw"  # a store that went away is not made anew
    return sqlite3.connect(address, uri=True, timeout=_SECONDS_TO_WAIT, isolation_level=None)


def _write_tags(store: sqlite3.Connection, run_id: str, tags: Mapping[str, str]) -> None:
    statement = "insert or replace into tags (key, value, run_uuid) values (?, ?, ?)"
    store.executemany(statement, [(key, value, run_id) for key, value in tags.items()])


def _judged(key: str, value: str) -> tuple[str, str]:
    """A tag as MLflow would take it: too long a value is cut, a bad name refused."""
    plain = posixpath.normpath(key)
    bad = plain != key or plain == "." or plain.startswith(("..", "/"))
    if bad or len(key) > _MOST_KEY or not _KEY.match(key):
        raise _refused(f"no tag can be called {key[:60]!r}")
    return key, value[:_MOST_VALUE]


def _below(location: str, inner: str) -> str:
    """The address with further folders, in front of its options."""
    head, question, options = location.partition("?")
    return f"{head.rstrip('/')}/{inner}{question}{options}"


def _row(
    run_id: str, experiment: str, status: str, start: int | None, end: int | None
) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "experiment": experiment,
        "status": status,
        "start": datetime.fromtimestamp((start or 0) / 1000, UTC),
        "end": None if end is None else datetime.fromtimestamp(end / 1000, UTC),
        "metrics": {},
        "params": {},
        "tags": {},
    }


def _now() -> int:
    return int(time.time() * 1000)


def _refused(why: str) -> Unavailable:
    return Unavailable(f"the tracking store refuses: {why}", "mlws doctor")
