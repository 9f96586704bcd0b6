"""Runs as the tracking store has them."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mlws_scaffold.errors import UsageError
from mlws_scaffold.workspace.config import Workspace


@dataclass(frozen=True, slots=True)
class Run:
    """One run. Times are UTC. Runs without our tags are `recorded=False`."""

    run_id: str
    experiment: str  # name in MLflow
    status: str  # RUNNING, FINISHED, FAILED, KILLED
    start: datetime
    end: datetime | None
    metrics: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def recorded(self) -> bool:
        return "mlws.experiment_id" in self.tags

    @property
    def dirty(self) -> bool:
        return self.tags.get("mlws.git.dirty") == "true"

    @property
    def is_sweep(self) -> bool:
        """Whether it stands for all points of a sweep, and measured nothing itself."""
        return "mlws.sweep.points" in self.tags

    @property
    def sweep(self) -> str | None:
        """Id of the run of the sweep that this is a point of."""
        return self.tags.get("mlflow.parentRunId") if "mlws.sweep" in self.tags else None

    @property
    def repetition(self) -> bool:
        """Whether `mlws reproduce` made it: proof of another run, and no result of its own."""
        return "mlws.reproduces" in self.tags


def best(runs: Iterable[Run], metric: str, goal: str, *, allow_dirty: bool = False) -> Run | None:
    """The finished run with the best value of `metric` (goal: maximize or minimize).

    A run that ended with NaN or infinity is never the best.
    """
    sign = 1.0 if goal == "maximize" else -1.0
    fit = [
        run
        for run in runs
        if run.status == "FINISHED"
        and not run.repetition
        and math.isfinite(run.metrics.get(metric, math.nan))
        and (allow_dirty or not run.dirty)
    ]
    return max(fit, key=lambda run: sign * run.metrics[metric], default=None)


def runs_of(
    place: Workspace, names: Iterable[str] | None = None, active_since: datetime | None = None
) -> list[Run]:
    """Runs of the named MLflow experiments (all without names), newest first.

    `active_since`: only those that started or ended since then, or have no end. Raises Unavailable
    when the store or MLflow cannot be had.
    """
    from mlws_scaffold.adapters import tracking

    found = tracking.search(place.config.tracking.uri, place.root, names, active_since=active_since)
    return [Run(**row) for row in found]


def run_named(place: Workspace, text: str) -> Run:
    """The run whose id begins with `text`. Raises UsageError, Unavailable."""
    matching = [run for run in runs_of(place) if text and run.run_id.startswith(text)]
    if not matching:
        raise UsageError(f"no run {text!r} in the store", "see: mlws experiment runs")
    if len(matching) > 1:
        raise UsageError(f"{len(matching)} runs begin with {text!r}", "write more of the id")
    return matching[0]


def with_tags(place: Workspace, tags: Mapping[str, str]) -> list[Run]:
    """Runs of all experiments that carry these tags (values of our own making), newest first.

    Raises Unavailable when the store or MLflow cannot be had.
    """
    from mlws_scaffold.adapters import mlflow, tracking

    uri = place.config.tracking.uri
    if mlflow.look(uri, place.root).state == "absent":
        return []
    return [Run(**row) for row in tracking.search(uri, place.root, None, tags)]


def last_times(runs: Iterable[Run]) -> dict[str, int]:
    """Seconds since 1970 at which the runs of each experiment last started, ended or lived, by its
    id or else its name in MLflow.
    """
    times: dict[str, int] = {}
    for run in runs:
        name = run.tags.get("mlws.experiment_id", run.experiment)
        known = [run.start, run.end or run.start]
        if run.status == "RUNNING":
            with contextlib.suppress(KeyError, ValueError):
                known.append(datetime.fromisoformat(run.tags["mlws.heartbeat"]))
        last = max(int(each.timestamp()) for each in known)
        times[name] = max(last, times.get(name, 0))
    return times
