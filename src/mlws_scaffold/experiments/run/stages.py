"""What one step of a run hands to the next. Each value holds the one before it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlws_scaffold.adapters.children import Child, Departed
from mlws_scaffold.experiments.backends import Used
from mlws_scaffold.experiments.index.entries import Entry
from mlws_scaffold.experiments.results import Run
from mlws_scaffold.workspace.config import Workspace


def _silent(_text: str) -> None:
    """Say nothing."""


# Is told what a scheduler gave to a job of the run, and MLflow's word for how that ended.
Account = Callable[[Run, Used, str], None]


def unaccounted(_run: Run, _used: Used, _word: str) -> None:
    """Keep no account."""


# Measures what a run uses while its process lives. What is yielded is told how the run ended.
Meter = Callable[["Launched"], AbstractContextManager[Callable[[str], None]]]


@contextmanager
def unmetered(_launched: Launched) -> Iterator[Callable[[str], None]]:
    """Measure nothing."""
    yield _silent


# What one point of a sweep has for itself while it runs: names and values of its environment.
Slot = Callable[[], AbstractContextManager[Mapping[str, str]]]


@contextmanager
def anywhere() -> Iterator[Mapping[str, str]]:
    """Nothing of its own."""
    yield {}


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for. `say` takes remarks for the person."""

    place: Workspace
    entry: Entry
    config: str = "config.yaml"
    sets: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    backend: str = "local"
    force: bool = False
    push: bool = False
    interpreter: str = ""  # another than the one found
    tags: Mapping[str, str] = field(default_factory=dict)  # win over those that are found
    say: Callable[[str], None] = _silent
    asks: Mapping[str, str] = field(default_factory=dict)  # of a scheduler: time, gres, …
    meter: Meter = unmetered
    account: Account = unaccounted
    slot: Slot = anywhere
    supervisor: str = "mlws_scaffold.experiments.run.supervise"  # module that executes a job


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The interpreter that will run the experiment, and what it found."""

    interpreter: str
    config: Mapping[str, Any]
    packages: tuple[str, ...]
    system: Mapping[str, str]
    dependencies: str  # root or isolated
    lock_sha256: str


@dataclass(frozen=True, slots=True)
class Tree:
    """The repository as it lies there. Paths count from its top level."""

    top: Path
    folder: str  # of the experiment
    head: str | None
    branch: str
    tree: str  # git tree of HEAD and all changes that may be kept
    dirty: bool
    untracked: tuple[str, ...]
    left_out: Mapping[str, str]  # path -> why


@dataclass(frozen=True, slots=True)
class Resolved:
    """A request with everything that decides about its result."""

    request: Request
    surroundings: Surroundings
    tree: Tree
    command: tuple[str, ...]  # begins with the word python, as a person would type it
    seed: str
    config_hash: str
    code_hash: str
    data: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Kept:
    """Resolved, and the commit that holds exactly this code."""

    resolved: Resolved
    commit: str
    patch: str
    left_out: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Job:
    """All that is needed to execute a run that exists in the store; it can be written as JSON."""

    run_id: str
    root: str
    top: str  # of the repository
    uri: str  # as `mlws.toml` or the environment has it
    backend: str
    folder: str  # where the command runs
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)  # added to the present one
    worktree: str = ""  # to be removed at the end
    outputs: str = ""  # where the outputs of a work tree go
    log: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)  # experiment, researcher, actor

    def dump(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def parse(cls, text: str) -> Job:
        data = json.loads(text)
        return cls(**{**data, "command": tuple(data["command"])})


@dataclass(frozen=True, slots=True)
class Created:
    """A run in the store, RUNNING, with what is known before it starts."""

    job: Job
    recorder: Any
    say: Callable[[str], None] = _silent
    meter: Meter = unmetered
    request: Request | None = None  # what it was made for, in the process that made it


@dataclass(frozen=True, slots=True)
class Launched:
    """A run whose process is there."""

    created: Created
    child: Child


@dataclass(frozen=True, slots=True)
class Watched:
    """A run whose process has ended."""

    created: Created
    departed: Departed


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. `state` is MLflow's word, or `detached` when it goes on without us.

    `job` is the id that its backend gave it.
    """

    run_id: str
    status: int
    state: str
    seconds: float = 0.0
    log: str = ""
    job: str = ""
