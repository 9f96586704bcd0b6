"""Runs in an MLflow store, through its client. MLflow is imported when a function is called."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlws_scaffold.adapters import mlflow as store
from mlws_scaffold.errors import Unavailable

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")


def address(uri: str, root: Path) -> str:
    """The URI as MLflow takes it: a relative SQLite file counts from the root."""
    path = store.sqlite_file(uri, root)
    return uri if path is None else f"sqlite:///{path}"


def client(uri: str, root: Path) -> Any:
    """An MlflowClient of the store. Raises Unavailable when MLflow or the store is missing."""
    if not store.is_installed():
        raise Unavailable(
            "MLflow is not installed here", "run this in the environment: uv run mlws …"
        )
    found = store.look(uri, root)
    if found.state not in ("ready", "unknown"):
        raise Unavailable(f"the tracking store cannot be read: {found.detail}", "mlws setup")
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=address(uri, root))


def search(
    uri: str, root: Path, names: Iterable[str] | None, wanted_filter: str = ""
) -> list[dict[str, Any]]:
    """Runs of the named experiments as plain rows, newest first. Raises Unavailable.

    `wanted_filter` is MLflow's own filter language.
    """
    from mlflow.exceptions import MlflowException

    connected = client(uri, root)
    wanted = None if names is None else set(names)
    try:
        experiments = {
            found.experiment_id: found.name
            for found in connected.search_experiments()
            if wanted is None or found.name in wanted
        }
        rows: list[dict[str, Any]] = []
        token = None
        while experiments:
            page = connected.search_runs(
                list(experiments),
                filter_string=wanted_filter,
                order_by=["attributes.start_time DESC"],
                page_token=token,
            )
            rows.extend(_row(run, experiments[run.info.experiment_id]) for run in page)
            token = page.token
            if not token:
                break
    except MlflowException as error:
        raise Unavailable(
            f"the tracking store does not answer: {error.message}", "mlws doctor"
        ) from None
    return rows


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
