"""Runs in an MLflow store: a SQLite file is read itself, any other store through MLflow's client.

MLflow is imported when its client is needed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlws_scaffold.adapters import mlflow as store
from mlws_scaffold.adapters import mlflow_tables
from mlws_scaffold.errors import Unavailable

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
# For our own questions to a server. MLflow tries for four minutes; who sits before `mlws run`
# should know sooner, and nothing is lost by it. Its greeting at the end of a run would stand in
# the middle of our JSON.
_SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",  # seconds
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
_ours: set[str] = set()


def own_environment() -> dict[str, str]:
    """The environment without what we set for our own questions: a script keeps its patience."""
    return {
        name: value
        for name, value in os.environ.items()
        if not (name in _ours and value == _SETTINGS[name])
    }


def address(uri: str, root: Path) -> str:
    """The URI as MLflow takes it: a relative SQLite file counts from the root."""
    path = store.sqlite_file(uri, root)
    return uri if path is None else f"sqlite:///{path}"


def tables(uri: str, root: Path) -> mlflow_tables.Tables | None:
    """The tables of a SQLite store that can be used without MLflow; None for any other store.

    Raises Unavailable when the store is missing or of another version than the installed MLflow.
    """
    path = store.sqlite_file(uri, root)
    if path is None:
        return None
    _require(uri, root)
    return mlflow_tables.Tables(path) if mlflow_tables.known(path) else None


def client(uri: str, root: Path) -> Any:
    """An MlflowClient of the store. Raises Unavailable when MLflow or the store is missing."""
    if not store.is_installed():
        raise Unavailable(
            "MLflow is not installed here", "run this in the environment: uv run mlws …"
        )
    _require(uri, root)
    for name, value in _SETTINGS.items():
        if name not in os.environ:
            os.environ[name] = value
            _ours.add(name)
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=address(uri, root))


def metrics(uri: str, root: Path, run_id: str, values: Mapping[str, float]) -> None:
    """Log figures to a run through MLflow's client. Raises Unavailable with the store's words."""
    from mlflow.exceptions import MlflowException

    connected = client(uri, root)
    try:
        for name, value in values.items():
            connected.log_metric(run_id, name, value)
    except (MlflowException, OSError) as error:
        raise Unavailable(f"the tracking store refuses: {error!s:.200}", "mlws doctor") from None


def _require(uri: str, root: Path) -> None:
    found = store.look(uri, root)
    if found.state not in ("ready", "unknown"):
        raise Unavailable(f"the tracking store cannot be read: {found.detail}", "mlws setup")


def search(
    uri: str,
    root: Path,
    names: Iterable[str] | None,
    tags: Mapping[str, str] | None = None,
    active_since: datetime | None = None,
) -> list[dict[str, Any]]:
    """Runs of the named experiments that carry these tags, as plain rows, newest first.

    `active_since`: only those that started or ended since then, or have no end. Raises Unavailable.
    """
    found = tables(uri, root)
    if found is not None:
        return found.search(names, tags or {}, active_since)
    rows = _by_client(uri, root, names, tags)
    if active_since is None:
        return rows
    # MLflow's filters know no "or".
    return [row for row in rows if row["end"] is None or row["end"] >= active_since]


def _by_client(
    uri: str, root: Path, names: Iterable[str] | None, tags: Mapping[str, str] | None
) -> list[dict[str, Any]]:
    wanted = " AND ".join(f"tags.`{name}` = '{value}'" for name, value in (tags or {}).items())
    return search_by_client(client(uri, root), names, wanted)


def search_by_client(
    connected: Any, names: Iterable[str] | None, wanted_filter: str = ""
) -> list[dict[str, Any]]:
    """The same from an MlflowClient, with MLflow's own filter language. Raises Unavailable."""
    from mlflow.exceptions import MlflowException

    wanted = None if names is None else set(names)
    try:
        experiments = {
            found.experiment_id: found.name
            for found in _pages(connected.search_experiments)
            if wanted is None or found.name in wanted
        }
        if not experiments:
            return []
        runs = _pages(
            connected.search_runs,
            experiment_ids=list(experiments),
            filter_string=wanted_filter,
            order_by=["attributes.start_time DESC"],
        )
        return [_row(run, experiments[run.info.experiment_id]) for run in runs]
    except (MlflowException, OSError) as error:
        first = str(getattr(error, "message", error)).strip().partition("\n")[0]
        raise Unavailable(f"the tracking store does not answer: {first}", "mlws doctor") from None


def _pages(ask: Callable[..., Any], **wanted: Any) -> Iterator[Any]:
    """Everything that a paged question finds."""
    token = None
    while True:
        page = ask(page_token=token, **wanted)
        yield from page
        token = page.token
        if not token:
            return


def artifacts(uri: str, root: Path, run_id: str) -> list[str]:
    """Names of the files and folders that a run keeps at its top. Raises Unavailable."""
    connected = client(uri, root)
    with _told():
        return [str(found.path) for found in connected.list_artifacts(run_id)]


def artifact(uri: str, root: Path, run_id: str, name: str, folder: Path) -> Path:
    """One of them on this machine: where the store has it, else fetched into `folder`.

    Raises Unavailable.
    """
    connected = client(uri, root)
    with _told():
        where = str(connected.get_run(run_id).info.artifact_uri)
        if where.startswith(("file:", "/")):
            return Path(connected.download_artifacts(run_id, name))
        folder.mkdir(parents=True, exist_ok=True)
        return Path(connected.download_artifacts(run_id, name, str(folder)))


@contextlib.contextmanager
def _told() -> Iterator[None]:
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, OSError) as error:
        first = str(error).strip().partition("\n")[0]
        raise Unavailable(f"an artifact cannot be had: {first}", "mlws doctor") from None


def _row(run: Any, experiment: str) -> dict[str, Any]:
    return {
        "run_id": run.info.run_id,
        "experiment": experiment,
        "status": run.info.status,
        "start": _instant(run.info.start_time),
        "end": None if run.info.end_time is None else _instant(run.info.end_time),
        "metrics": dict(run.data.metrics),
        "params": dict(run.data.params),
        "tags": dict(run.data.tags),
    }


def _instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
