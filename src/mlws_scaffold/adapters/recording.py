"""Writes to one run of an MLflow store, through its client. MLflow is imported on first use."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlws_scaffold.adapters import mlflow as store
from mlws_scaffold.adapters import tracking
from mlws_scaffold.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Recorder:
    """A connection to the store. `uri` is what a child process takes as MLFLOW_TRACKING_URI."""

    client: Any
    uri: str
    database: Path | None

    def experiment(self, name: str) -> str:
        """Id of the MLflow experiment, which is made when there is none."""
        with _told():
            found = self.client.get_experiment_by_name(name)
            if found is None:
                # Without a place MLflow puts files below whichever folder the script ran in.
                folder = self.database.resolve().parent / "mlartifacts" if self.database else None
                location = folder.as_uri() if folder else None
                with _one_at_a_time(self.database):
                    found = self.client.get_experiment_by_name(name)
                    if found is None:
                        return str(self.client.create_experiment(name, artifact_location=location))
            if found.lifecycle_stage != "active":
                raise Unavailable(
                    f"the MLflow experiment {name!r} is deleted",
                    "restore it, or name another in mlflow_experiment",
                )
            return str(found.experiment_id)

    def create(self, experiment: str, tags: Mapping[str, str]) -> str:
        """Id of a new run that is RUNNING."""
        with _told():
            return str(self.client.create_run(experiment, tags=dict(tags)).info.run_id)

    def tag(self, run_id: str, tags: Mapping[str, str]) -> None:
        with _told():
            for name, value in tags.items():
                self.client.set_tag(run_id, name, value)

    def files(self, run_id: str, folder: Path, place: str) -> None:
        """Keep every file of the folder as an artifact below `place`."""
        with _told():
            self.client.log_artifacts(run_id, str(folder), place)

    def reopen(self, run_id: str) -> None:
        """Make a run that has ended RUNNING again."""
        with _told():
            self.client.update_run(run_id, status="RUNNING")

    def end(self, run_id: str, status: str) -> None:
        """End the run as FINISHED, FAILED or KILLED."""
        with _told():
            self.client.set_terminated(run_id, status)


def connect(uri: str, root: Path) -> Recorder:
    """Connect; a SQLite store that is not there yet is made. Raises Unavailable."""
    if store.is_installed() and store.look(uri, root).state == "absent":
        with _one_at_a_time(store.sqlite_file(uri, root)):
            store.prepare(uri, root)
    database = store.sqlite_file(uri, root)
    return Recorder(tracking.client(uri, root), tracking.address(uri, root), database)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Whatever the store cannot do becomes Unavailable with its words."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        first = str(error.message).strip().partition("\n")[0]
        raise Unavailable(f"the tracking store refuses: {first}", "mlws doctor") from None
    except OSError as error:
        raise Unavailable(f"a file of the run was not kept: {error}", "mlws doctor") from None


@contextlib.contextmanager
def _one_at_a_time(database: Path | None) -> Iterator[None]:
    """Hold the lock that `shared_tools` holds as well while the store is made."""
    if database is None:
        yield
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    with database.with_name(f"{database.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
