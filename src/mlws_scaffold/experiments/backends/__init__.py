"""Where a run executes when it is handed over: one protocol, one table.

What is handed over is always the same: the command that supervises one run. A scheduler is one more
entry of the table; we write none ourselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from mlws_scaffold.errors import UsageError
from mlws_scaffold.workspace.config import Workspace

# `unknown`: the scheduler has forgotten the job, or cannot be asked.
Word = Literal["waiting", "running", "finished", "failed", "cancelled", "unknown"]
OPEN: tuple[Word, ...] = ("waiting", "running")


@dataclass(frozen=True, slots=True)
class Task:
    """One run to be executed. `command` supervises it where the files of this machine are seen;
    `bare` is its own command, for where they are not.
    """

    run_id: str
    command: tuple[str, ...]
    folder: Path  # of the experiment, inside `tree`
    tree: Path  # work tree of exactly the code that is to run
    log: Path
    bare: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Terms:
    """What is asked of a scheduler. `asks` wins over `mlws.toml`: partition, time, gres, …"""

    name: str = ""  # of the group of tasks, for people: the run, or the run of the sweep
    asks: Mapping[str, str] = field(default_factory=dict)
    parallel: int = 0  # so many tasks at a time; 0: as many as there is room for


@dataclass(frozen=True, slots=True)
class Ticket:
    """A task that was handed over. `job` is the id by which the backend knows it."""

    job: str
    log: Path
    watcher: str = ""  # identity of the process that supervises it, when it is on this machine


@dataclass(frozen=True, slots=True)
class Used:
    """What a scheduler gave to a job that nobody else measures. Seconds since 1970."""

    began: float
    ended: float
    gpus: int
    model: str = ""  # of the GPUs; empty where it does not say


@dataclass(frozen=True, slots=True)
class Situation:
    """How a job stands; `detail` is the scheduler's own word, and why.

    `used` is there for a job that is over and that no process of ours supervised.
    """

    word: Word
    detail: str = ""
    used: Used | None = None


class Backend(Protocol):
    """Hands runs over and asks after them. Every method raises Unavailable when it cannot."""

    def submit(self, tasks: Sequence[Task], terms: Terms, /) -> tuple[Ticket, ...]:
        """Hand the tasks over, all or none; one ticket each, in order."""

    def plan(self, tasks: Sequence[Task], terms: Terms, /) -> str:
        """What `submit` would hand over, as text. Changes nothing."""

    def state(self, ticket: Ticket) -> Situation: ...

    def logs(self, ticket: Ticket, skip: int) -> bytes:
        """What it said after the first `skip` bytes."""

    def cancel(self, ticket: Ticket) -> None:
        """Ask it to end; what has ended already is no error."""


def _local(_place: Workspace) -> Backend:
    from mlws_scaffold.experiments.backends.local import Local

    return Local()


def _slurm(place: Workspace) -> Backend:
    from mlws_scaffold.experiments.backends.slurm import Slurm

    return Slurm(place)


def _kubernetes(place: Workspace) -> Backend:
    from mlws_scaffold.experiments.backends.kubernetes import Kubernetes

    return Kubernetes(place)


BACKENDS: dict[str, Callable[[Workspace], Backend]] = {
    "local": _local,
    "slurm": _slurm,
    "kubernetes": _kubernetes,
}


def check(name: str) -> None:
    """Raises UsageError with the names there are."""
    if name not in BACKENDS:
        raise UsageError(f"--on: no backend {name!r}", f"known: {', '.join(sorted(BACKENDS))}")


def named(name: str, place: Workspace) -> Backend:
    """The backend of that name. Raises UsageError, Unavailable."""
    check(name)
    return BACKENDS[name](place)


def tail(log: Path, skip: int) -> bytes:
    """What a log file on this machine holds after the first `skip` bytes."""
    try:
        with log.open("rb") as file:
            file.seek(skip)
            return file.read()
    except OSError:
        return b""
