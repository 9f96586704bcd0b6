"""The other half of last activity: when the runs of an experiment last started, ended or lived.

A SQLite store is asked when its file changed. Any other store is asked on demand; what it said last
is kept until then.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path

from mlws_scaffold.adapters import run_times
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.experiments.index import cache
from mlws_scaffold.experiments.index.settings import Settings

_ASK = "mlws experiment list --online"


def refresh(
    connection: sqlite3.Connection, known: Settings, root: Path, *, online: bool
) -> list[str]:
    """Bring the rows into step with the runs; returns what could not be known, and why."""
    if known.store:
        return _from_file(connection, Path(known.store))
    if online:
        # Imported here: MLflow's client costs seconds.
        from mlws_scaffold.experiments import results
        from mlws_scaffold.workspace import config

        try:
            runs = results.runs_of(config.load(root))
        except MlwsError as error:
            return [f"last runs not measured: {error.message}"]
        _write(connection, results.last_times(runs), f"{known.tracking}\n{int(time.time())}")
    return _as_of(connection, known.tracking)


def _from_file(connection: sqlite3.Connection, store: Path) -> list[str]:
    stamp = run_times.stamp(store)
    if cache.value(connection, "runs") == f"{store}\n{stamp}":
        return []
    try:
        found = run_times.last(store) if stamp else {}
    except MlwsError as error:
        return [f"last runs not measured, dates are those of git: {error.message}"]
    _write(connection, found, f"{store}\n{stamp}")
    return []


def _as_of(connection: sqlite3.Connection, uri: str) -> list[str]:
    """What to say of a store that is not a file here: how old what is known of it is."""
    before, _, asked = str(cache.value(connection, "runs") or "").rpartition("\n")
    if before != uri:
        _write(connection, {}, "")
        return [f"last runs on {uri} were never asked for: {_ASK}"]
    day = time.strftime("%Y-%m-%d %H:%M", time.gmtime(int(asked)))
    return [f"last runs are those of {day} UTC; to ask again: {_ASK}"]


def _write(connection: sqlite3.Connection, found: Mapping[str, int], stamp: str) -> None:
    """Remember the times, and date again the experiments whose time changed."""
    before = dict(connection.execute("select name, time from runs").fetchall())
    if before == found and cache.value(connection, "runs") == stamp:
        return
    # Imported here: most calls find nothing new.
    from mlws_scaffold.experiments.index import rows

    connection.execute("begin immediate")
    try:
        connection.execute("delete from runs")
        connection.executemany("insert into runs values (?, ?)", found.items())
        changed = {name for name, _ in before.items() ^ found.items()}
        rows.date_again(connection, json.dumps(sorted(changed)))
        cache.remember(connection, "runs", stamp)
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise
