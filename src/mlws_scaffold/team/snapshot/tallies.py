"""What the runs of each experiment come to: how many, which are lost, the best of each metric.

Runs that ended do not change: of a SQLite store what they come to is kept until it is written to.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlws_scaffold.adapters import mlflow, run_times
from mlws_scaffold.experiments import results
from mlws_scaffold.experiments.results import Run
from mlws_scaffold.experiments.run import liveness
from mlws_scaffold.team.snapshot import kept
from mlws_scaffold.team.snapshot.period import Period
from mlws_scaffold.workspace.config import Workspace

_MOST = 12
_MOST_LOST = 20


@dataclass(frozen=True, slots=True)
class Measured:
    """One metric of finished runs: the last values, oldest first, and both ends with their runs."""

    last: Sequence[float]
    highest: tuple[float, str]
    lowest: tuple[float, str]

    def best(self, goal: str) -> tuple[float, str]:
        """The best value and its run, by the goal of the metric."""
        return self.lowest if goal == "minimize" else self.highest


@dataclass(frozen=True, slots=True)
class Tally:
    """The runs of one experiment. `lost` are ids, newest first, not all of very many."""

    runs: int = 0
    lost: Sequence[str] = ()
    metrics: Mapping[str, Measured] = field(default_factory=dict)


def of(place: Workspace, period: Period, metrics: Collection[str]) -> Mapping[str, Tally]:
    """A tally by experiment_id, or name in MLflow where a run has none; of these metrics only.

    Raises Unavailable.
    """
    uri = place.config.tracking.uri
    store = mlflow.sqlite_file(uri, place.root)
    seen = run_times.stamp(store) if store else ""
    stamp = "\n".join((seen, *sorted(metrics))) if seen else ""
    ended = kept.made(place, "runs", stamp, lambda: _ended(place, frozenset(metrics)))
    tallies = {key: _tally(value) for key, value in ended.items()}
    for run in results.runs_of(place, active_since=period.until):
        if run.end is None and not run.is_sweep:
            _add_open(tallies, run, period)
    return tallies


def _key(run: Run) -> str:
    return run.tags.get("mlws.experiment_id", run.experiment)


def _add_open(tallies: dict[str, Tally], run: Run, period: Period) -> None:
    """A run without an end may be lost a minute later: it is judged at each look."""
    before = tallies.get(_key(run), Tally())
    lost = [run.run_id] if liveness.state_of(run, period.until) == liveness.LOST else []
    tallies[_key(run)] = Tally(before.runs + 1, (*lost, *before.lost), before.metrics)


def _ended(place: Workspace, metrics: frozenset[str]) -> dict[str, Any]:
    """The runs that ended, as JSON: [how many, lost ids, {metric: [last, highest, lowest]}]."""
    grouped: dict[str, list[Run]] = {}
    for run in results.runs_of(place):
        if run.end is not None and not run.is_sweep:
            grouped.setdefault(_key(run), []).append(run)
    return {key: _summed(runs, metrics) for key, runs in grouped.items()}


def _summed(runs: Sequence[Run], metrics: frozenset[str]) -> list[Any]:
    """`runs`: newest first."""
    lost = [run.run_id for run in runs if run.tags.get("mlws.lost") == "true"]
    values: dict[str, list[tuple[float, str]]] = {}
    for run in reversed(runs):
        # As `mlws experiment sync` counts: no repetition, nothing from a changed work tree.
        if run.status == "FINISHED" and not run.repetition and not run.dirty:
            for name in metrics & run.metrics.keys():
                if math.isfinite(run.metrics[name]):
                    values.setdefault(name, []).append((run.metrics[name], run.run_id))
    measured = {
        name: [[value for value, _ in found[-_MOST:]], max(found), min(found)]
        for name, found in values.items()
    }
    return [len(runs), lost[:_MOST_LOST], measured]


def _tally(content: Sequence[Any]) -> Tally:
    runs, lost, measured = content
    return Tally(
        runs,
        lost,
        {
            name: Measured(last, (high[0], high[1]), (low[0], low[1]))
            for name, (last, high, low) in measured.items()
        },
    )
