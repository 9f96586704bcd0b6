"""What one step of a sweep hands to the next. Each value holds the one before it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlws_scaffold.errors import MlwsError
from mlws_scaffold.experiments.results import Run
from mlws_scaffold.experiments.run.stages import Created, Kept, Request, Resolved
from mlws_scaffold.experiments.sweep.points import Point
from mlws_scaffold.experiments.sweep.spec import Sweep

# `earlier`: a run outside of this sweep is taken. `waiting`: there is no run yet.
State = Literal["finished", "earlier", "running", "failed", "killed", "lost", "waiting"]
DONE: tuple[State, ...] = ("finished", "earlier")


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for. `request.force` repeats points that were run before."""

    request: Request
    file: str  # below the experiment's folder, or from the current one
    parallel: int = 1  # 0: as many as the scheduler has room for
    skip_existing: bool = False
    detach: bool = False  # where points are handed over: do not wait for them


@dataclass(frozen=True, slots=True)
class Trial:
    """A point with everything that decides about its result. `place`: from 1, in running order."""

    place: int
    point: Point
    resolved: Resolved


@dataclass(frozen=True, slots=True)
class Prepared:
    """A sweep whose every run is known, and nothing made yet. `base` is the run without a point."""

    order: Order
    sweep: Sweep
    file: Path
    base: Resolved
    trials: tuple[Trial, ...]
    identity: str
    metric: str
    goal: str


@dataclass(frozen=True, slots=True)
class Card:
    """A trial and the run that stands for it, if there is one."""

    trial: Trial
    state: State
    run: Run | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """What is there already, and what is left. `parent` is there when the sweep goes on."""

    prepared: Prepared
    parent: Run | None
    cards: tuple[Card, ...]

    @property
    def open(self) -> tuple[Card, ...]:
        return tuple(card for card in self.cards if card.state not in DONE)

    @property
    def complete(self) -> bool:
        """Whether the sweep came to its end before, and the store says so."""
        return not self.open and self.parent is not None and self.parent.status == "FINISHED"


@dataclass(frozen=True, slots=True)
class Opened:
    """A sweep with its run in the store. `kept` holds the commit that all points run from."""

    planned: Planned
    kept: Kept
    parent: Created


@dataclass(frozen=True, slots=True)
class Executed:
    """As far as it came. `trouble`: why no further point was started.

    `handed`: points go on without us, at a scheduler.
    """

    opened: Opened
    interrupted: bool = False
    handed: bool = False
    trouble: MlwsError | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One run of the result. `mean` is over the seeds of its point."""

    point: Point
    state: State
    run_id: str
    metric: float | None
    mean: float | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Result:
    """What came out; the rows begin with the best point. `status` is an exit code."""

    parent_id: str
    metric: str
    goal: str
    rows: tuple[Row, ...]
    status: int
    again: str  # the command that goes on with the sweep
    trouble: MlwsError | None = None
    wrote: tuple[str, ...] = ()
