"""Writes to one run of an MLflow store: into a SQLite file itself, else through MLflow's client."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mlws_scaffold.adapters import mlflow as store
from mlws_scaffold.adapters import tracking
from mlws_scaffold.adapters.mlflow_tables import Tables
from mlws_scaffold.errors import Unavailable


class Recorder(Protocol):
    """A connection to the store. Everything raises Unavailable with the store's words."""

    @property
    def uri(self) -> str:
        """What a child process takes as MLFLOW_TRACKING_URI."""

    def experiment(self, name: str) -> str:
        """Id of the MLflow experiment, which is made when there is none."""

    def create(self, experiment: str, tags: Mapping[str, str]) -> str:
        """Id of a new run that is RUNNING; its first eight signs are the name, if no tag says."""

    def tag(self, run_id: str, tags: Mapping[str, str]) -> None: ...

    def files(self, run_id: str, folder: Path, place: str) -> None:
        """Keep every file of the folder as an artifact below `place`."""

    def reopen(self, run_id: str, status: str = "RUNNING") -> None:
        """Make a run that has ended RUNNING again, or SCHEDULED: it waits for a scheduler."""

    def end(self, run_id: str, status: str, at: float | None = None) -> None:
        """End the run as FINISHED, FAILED or KILLED; `at`: seconds since 1970, default now."""


@dataclass(frozen=True, slots=True)
class ByTables:
    """A SQLite store on this machine, without MLflow."""

    tables: Tables
    uri: str
    root: Path

    def experiment(self, name: str) -> str:
        # Without a place MLflow puts files below whichever folder the script ran in.
        return self.tables.experiment(name, self.tables.path.resolve().parent / "mlartifacts")

    def create(self, experiment: str, tags: Mapping[str, str]) -> str:
        return self.tables.create(experiment, tags)

    def tag(self, run_id: str, tags: Mapping[str, str]) -> None:
        self.tables.tag(run_id, tags)

    def files(self, run_id: str, folder: Path, place: str) -> None:
        target = self.tables.folder(run_id)
        if target is None:  # s3://… and the like are what MLflow has plug-ins for
            ByClient(tracking.client(self.uri, self.root), self.uri).files(run_id, folder, place)
            return
        try:
            shutil.copytree(
                folder, target / place, dirs_exist_ok=True, copy_function=shutil.copyfile
            )
        except OSError as error:
            raise Unavailable(f"a file of the run was not kept: {error}", "mlws doctor") from None

    def reopen(self, run_id: str, status: str = "RUNNING") -> None:
        self.tables.reopen(run_id, status)

    def end(self, run_id: str, status: str, at: float | None = None) -> None:
        self.tables.end(run_id, status, at)


@dataclass(frozen=True, slots=True)
class ByClient:
    """Any store that MLflow knows. `database` is the file of a SQLite store."""

    client: Any
    uri: str
    database: Path | None = None

    def experiment(self, name: str) -> str:
        with _told():
            found = self.client.get_experiment_by_name(name)
            if found is None:
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
        with _told():
            run_id = str(self.client.create_run(experiment, tags=dict(tags)).info.run_id)
            if "mlflow.runName" not in tags:
                self.client.update_run(run_id, name=run_id[:8])
            return run_id

    def tag(self, run_id: str, tags: Mapping[str, str]) -> None:
        with _told():
            from mlflow.entities import RunTag

            # One request, or all would wait in turn for a server that is away.
            self.client.log_batch(run_id, tags=[RunTag(*pair) for pair in tags.items()])

    def files(self, run_id: str, folder: Path, place: str) -> None:
        with _told():
            self.client.log_artifacts(run_id, str(folder), place)

    def reopen(self, run_id: str, status: str = "RUNNING") -> None:
        with _told():
            self.client.update_run(run_id, status=status)

    def end(self, run_id: str, status: str, at: float | None = None) -> None:
        with _told():
            self.client.set_terminated(run_id, status, None if at is None else int(at * 1000))


def connect(uri: str, root: Path) -> Recorder:
    """Connect; a SQLite store that is not there yet is made. Raises Unavailable."""
    database = store.sqlite_file(uri, root)
    if store.is_installed() and store.look(uri, root).state == "absent":
        with _one_at_a_time(database):
            store.prepare(uri, root)
    tables, address = tracking.tables(uri, root), tracking.address(uri, root)
    if tables is not None:
        return ByTables(tables, address, root)
    return ByClient(tracking.client(uri, root), address, database)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Whatever the store cannot do becomes Unavailable with its words."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        first = str(error.message).strip().partition("\n")[0]
        raise Unavailable(f"the tracking store refuses: {first}", "mlws doctor") from None
    except OSError as error:  # a file of ours, or a connection of its own to where files go
        raise Unavailable(f"the run's files were not kept: {error}", "mlws doctor") from None


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
