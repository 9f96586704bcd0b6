"""What the runs of each experiment come to: how many, which are lost, the best of each metric."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mlws_scaffold.experiments import results
from mlws_scaffold.experiments.results import Run
from mlws_scaffold.experiments.run import liveness
from mlws_scaffold.team.snapshot.period import Period
from mlws_scaffold.workspace.config import Workspace

_MOST = 12


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
    """The runs of one experiment. `lost` are ids, newest first."""

    runs: int = 0
    lost: Sequence[str] = ()
    metrics: Mapping[str, Measured] = field(default_factory=dict)


def of(place: Workspace, period: Period) -> Mapping[str, Tally]:
    """A tally by experiment_id, or name in MLflow where a run has none. Raises Unavailable."""
    grouped: dict[str, list[Run]] = {}
    for run in results.runs_of(place):
        if run.start < period.until and not run.is_sweep:
            key = run.tags.get("mlws.experiment_id", run.experiment)
            grouped.setdefault(key, []).append(run)
    return {key: _tally(runs, period) for key, runs in grouped.items()}


def _tally(runs: Sequence[Run], period: Period) -> Tally:
    """`runs`: newest first."""
    lost = [run.run_id for run in runs if liveness.state_of(run, period.until) == liveness.LOST]
    values: dict[str, list[tuple[float, str]]] = {}
    for run in reversed(runs):
        # As `mlws experiment sync` counts: no repetition, nothing from a changed work tree.
        if run.status == "FINISHED" and not run.repetition and not run.dirty:
            for name, value in run.metrics.items():
                if math.isfinite(value):
                    values.setdefault(name, []).append((value, run.run_id))
    metrics = {
        name: Measured([value for value, _ in found[-_MOST:]], max(found), min(found))
        for name, found in values.items()
    }
    return Tally(len(runs), lost, metrics)
