"""Runs that started or ended in the period, or have no end yet; points of a sweep included.

A list of {run_id, experiment, state (running, finished, failed, killed, lost, or as a queue says),
who, started, ended, seconds, best}, newest first. `ended` and `seconds` are null while it runs;
best: {metric, value} of the experiment's primary metric, null where it measured none.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from mlws_scaffold.experiments import journal, results
from mlws_scaffold.experiments.index import entries, listing
from mlws_scaffold.experiments.journal import Line
from mlws_scaffold.experiments.results import Run
from mlws_scaffold.team.snapshot.period import Period, instant
from mlws_scaffold.team.snapshot.section import Section
from mlws_scaffold.workspace.config import Workspace

NAME = "runs"
SOURCE = "the tracking store"
EMPTY: list[object] = []


def collect(place: Workspace, period: Period) -> Section:
    """The runs. Raises Unavailable when the tracking store cannot be read."""
    found = results.runs_of(place, active_since=period.since)
    lines = [journal.line(run, period.until) for run in found if _belongs(run, period)]
    metrics = _metrics(place) if lines else {}
    return Section(NAME, SOURCE, [_row(line, metrics) for line in lines])


def _belongs(run: Run, period: Period) -> bool:
    if run.is_sweep or run.start >= period.until:
        return False
    if period.holds(run.start) or (run.end is not None and period.holds(run.end)):
        return True
    return run.end is None


def _metrics(place: Workspace) -> Mapping[str, str]:
    """The primary metric by experiment_id, and by name in MLflow."""
    with entries.everywhere(place.layout) as found:
        fields = [json.loads(text) for _, text in listing.with_metadata(found, 0)]
    named = {}
    for one in fields:
        if primary := one.get("primary_metric"):
            named[one["experiment_id"]] = primary["name"]
            named.setdefault(one.get("mlflow_experiment") or "", primary["name"])
    return named


def _row(line: Line, metrics: Mapping[str, str]) -> dict[str, Any]:
    run = line.run
    metric = metrics.get(line.experiment, "")
    value = run.metrics.get(metric, math.nan)
    return {
        "run_id": run.run_id,
        "experiment": line.experiment,
        "state": line.state,
        "who": line.who,
        "started": instant(run.start),
        "ended": instant(run.end) if run.end else None,
        "seconds": line.seconds,
        "best": {"metric": metric, "value": value} if math.isfinite(value) else None,
    }
