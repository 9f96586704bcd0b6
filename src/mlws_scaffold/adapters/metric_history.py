"""How metrics of runs went, step by step: a SQLite store of MLflow is read itself, any other store
through MLflow's client.
"""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from mlws_scaffold.adapters import mlflow, tracking
from mlws_scaffold.errors import Unavailable

Points = list[tuple[float, float]]  # step, value

_SECONDS_TO_WAIT = 10.0
# As many as a plot can show; of more every second, third, … is read.
_MOST = 2000


def of(
    uri: str, root: Path, runs: Iterable[str], metrics: Sequence[str]
) -> dict[tuple[str, str], Points]:
    """Steps and values by run and metric, steps in their order; the last value of a step counts.

    Raises Unavailable when the store cannot be read.
    """
    pairs = [(run, metric) for run in runs for metric in metrics]
    path = mlflow.sqlite_file(uri, root)
    if path is None:
        return _by_client(uri, root, pairs)
    try:
        address = f"{path.absolute().as_uri()}?mode=ro"
        with contextlib.closing(
            sqlite3.connect(address, uri=True, timeout=_SECONDS_TO_WAIT)
        ) as store:
            return {pair: _points(store, *pair) for pair in pairs}
    except sqlite3.Error as error:
        raise Unavailable(f"{path.name}: {error}", "mlws doctor") from None


def _points(store: sqlite3.Connection, run: str, metric: str) -> Points:
    query = "select count(distinct step) from metrics where run_uuid = ? and key = ?"
    (count,) = store.execute(query, (run, metric)).fetchone()
    # Beside a maximum SQLite gives the other columns of its row.
    query = (
        "select step, iif(is_nan, 'nan', value), max(timestamp) from metrics"
        " where run_uuid = ? and key = ? group by step order by step"
    )
    rows = store.execute(query, (run, metric))
    return _thinned(((int(step), float(value)) for step, value, _ in rows), count)


def _by_client(
    uri: str, root: Path, pairs: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Points]:
    connected = tracking.client(uri, root)
    from mlflow.exceptions import MlflowException

    found = {}
    try:
        for run, metric in pairs:
            history = connected.get_metric_history(run, metric)
            order = sorted(history, key=lambda item: (item.step, item.timestamp))
            points = {item.step: item.value for item in order}
            found[run, metric] = _thinned(points.items(), len(points))
    except MlflowException as error:
        raise Unavailable(f"the tracking store does not answer: {error.message}") from None
    return found


def _thinned(points: Iterable[tuple[float, float]], count: int) -> Points:
    every = -(-count // _MOST) or 1
    return list(itertools.islice(points, 0, None, every))
