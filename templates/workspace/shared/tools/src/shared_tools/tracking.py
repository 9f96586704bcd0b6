"""Finds the workspace's MLflow store from any folder, so that every script logs to the same one.

Only what MLflow leaves open is decided here; log with plain `mlflow` calls inside the run.
"""

import os
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from shared_tools.configuration import ConfigurationError, workspace_root

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    import mlflow

DEFAULT_URI = "sqlite:///mlflow.db"

# MLflow reports usage over the network from its import on; a workspace must work without one.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")


def tracking_uri(folder: Path | None = None) -> str:
    """Return MLFLOW_TRACKING_URI, else what the mlws.toml at or above `folder` names.

    `folder` defaults to the current one. A relative SQLite path counts from the workspace root.
    Raises ConfigurationError.
    """
    if given := os.environ.get("MLFLOW_TRACKING_URI"):
        return given
    root = workspace_root(folder)
    uri = os.environ.get("MLWS_TRACKING_URI") or _configured_uri(root / "mlws.toml")
    database = _sqlite_path(uri)
    if database is None or database.is_absolute():
        return uri
    scheme, _, rest = uri.partition(":///")
    _, question, options = rest.partition("?")
    return f"{scheme}:///{(root / database).as_posix()}{question}{options}"


def start_run(
    experiment: str, name: str | None = None, *, folder: Path | None = None
) -> "mlflow.ActiveRun":
    """Start an MLflow run of `experiment` in the workspace's store; use it in a `with` statement.

    When MLFLOW_RUN_ID names a run that was made beforehand, that run is continued instead.
    Raises ConfigurationError and MLflow's own errors.
    """
    import mlflow  # here, because it takes seconds and reading a URI should not

    uri = tracking_uri(folder)
    mlflow.set_tracking_uri(uri)
    database = _sqlite_path(uri)
    with _one_at_a_time(database):
        if run_id := os.environ.get("MLFLOW_RUN_ID"):
            # MLflow refuses a run of another experiment than the active one.
            mlflow.set_experiment(experiment_id=mlflow.get_run(run_id).info.experiment_id)
            return mlflow.start_run()
        if mlflow.get_experiment_by_name(experiment) is None:
            _create_experiment(experiment, database)
        mlflow.set_experiment(experiment)
        return mlflow.start_run(run_name=name)


@contextmanager
def _one_at_a_time(database: Path | None) -> Iterator[None]:
    """Hold a lock beside the database: two processes that migrate a new one at once break it."""
    if database is None or sys.platform == "win32":
        yield
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    with database.with_name(f"{database.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _create_experiment(experiment: str, database: Path | None) -> None:
    import mlflow
    from mlflow.exceptions import MlflowException

    # Left alone, MLflow puts the files of a local store into whichever folder the script ran in.
    location = (database.resolve().parent / "mlartifacts").as_uri() if database else None
    try:
        mlflow.create_experiment(experiment, artifact_location=location)
    except MlflowException as error:
        # Another process may have made it a moment ago; anything else is a real failure.
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _configured_uri(path: Path) -> str:
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from error
    tracking = settings.get("tracking", {})
    uri = tracking.get("uri", DEFAULT_URI) if isinstance(tracking, dict) else None
    if not isinstance(uri, str) or not uri:
        raise ConfigurationError(f'{path}: [tracking] uri: write text such as "{DEFAULT_URI}"')
    return uri


def _sqlite_path(uri: str) -> Path | None:
    """Return the database file of a SQLite address, None for any other store."""
    scheme, separator, rest = uri.partition(":///")
    file = rest.partition("?")[0]
    if not separator or scheme.partition("+")[0] != "sqlite" or file in ("", ":memory:"):
        return None
    return Path(file)
