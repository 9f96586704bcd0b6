"""Experiments of all branches, archived ones included; the newest version of each counts.

A list of the rows of `mlws experiment list --json`, each with: hypothesis, conclusion,
primary_metric (its name), goal_of_metric (maximize, minimize), target; metric, best_metric and
run_id as the tracking store has them, else as metadata.yaml has them (best_source: mlflow, file or
null), filed ({metric, value, run_id} of metadata.yaml, or null); baseline ({experiment, metric,
value}, or null) and delta (best_metric less that, null where either is missing); spark (the primary
metric of the last 12 finished runs, oldest first); runs (how many), lost_runs (their ids, 20 at
most); gpu_hours and cost ({currency: amount}) of all time, null where costs are not measured;
links ({branch, pr, issue, doc, run, handoff}); budget; moves of the period ({at, by, from, to,
commit, branch}).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mlws_scaffold.errors import MlwsError
from mlws_scaffold.experiments.index import entries, listing
from mlws_scaffold.team.snapshot import moves, tallies
from mlws_scaffold.team.snapshot.period import Period
from mlws_scaffold.team.snapshot.section import Section
from mlws_scaffold.team.snapshot.tallies import Tally
from mlws_scaffold.workspace.config import Workspace

NAME = "experiments"
SOURCE = "metadata.yaml on all branches (the index); the tracking store; the usage ledger"
# What `joining` fills in from other sections.
NEEDS = ("reviews", "knowledge", "costs")
EMPTY: list[object] = []

_LOST = 20
_NONE = Tally()


def collect(place: Workspace, period: Period) -> Section:
    """Every experiment, the last active first. Runs or costs that are missing become a note."""
    with entries.with_runs(place.layout) as found:
        texts = list(listing.with_metadata(found, period.until.timestamp()))
        notes = [*found.notes, *(f"left out: {problem}" for problem in found.problems)]
    rows = [(json.loads(row), json.loads(fields)) for row, fields in texts]
    metrics = {primary["name"] for _, fields in rows if (primary := fields.get("primary_metric"))}
    tallied = _or_note(lambda: tallies.of(place, period, metrics), "runs", notes)
    moved = _or_note(lambda: moves.of(place, period), "moves", notes) or {}
    known = {row["experiment_id"]: (row, fields) for row, fields in rows}
    shaped = []
    for row, fields in rows:
        measured = _measured(row, fields, tallied)
        shaped.append(
            {
                **row,
                **_declared(fields),
                **measured,
                **_compared(measured, fields, known, tallied),
                "gpu_hours": None,
                "cost": None,
                "links": _links(row["branch"], measured["run_id"], fields),
                "moves": moved.get(row["experiment_id"], []),
            }
        )
    return Section(NAME, SOURCE, shaped, notes=notes)


def _or_note(ask: Any, what: str, notes: list[str]) -> Any:
    try:
        return ask()
    except MlwsError as error:
        notes.append(f"{what} not measured: {' '.join(error.message.split())}")
        return None


def _declared(fields: Mapping[str, Any]) -> dict[str, Any]:
    primary = fields.get("primary_metric") or {}
    return {
        "hypothesis": fields.get("hypothesis"),
        "conclusion": fields.get("conclusion"),
        "primary_metric": primary.get("name"),
        "goal_of_metric": primary.get("goal"),
        "target": primary.get("target"),
        "budget": fields.get("budget"),
    }


def _measured(
    row: Mapping[str, Any], fields: Mapping[str, Any], tallied: Mapping[str, Tally] | None
) -> dict[str, Any]:
    """The best result, of MLflow where it has one, and what its runs say besides."""
    primary = fields.get("primary_metric") or {}
    number = row["best_metric"] if isinstance(row["best_metric"], int | float) else None
    metric = row["metric"] or primary.get("name")
    filed = None
    if row["best_metric"] is not None:
        filed = {"metric": metric, "value": row["best_metric"], "run_id": row["run_id"]}
    found = {
        "metric": metric,
        "best_metric": number,
        "run_id": row["run_id"],
        "best_source": None if number is None else "file",
        "filed": filed,
        "spark": [],
        "runs": None,
        "lost_runs": None,
    }
    if tallied is None:
        return found
    own = tallied.get(row["experiment_id"]) or tallied.get(fields.get("mlflow_experiment") or "")
    own = own or _NONE
    found |= {"runs": own.runs, "lost_runs": list(own.lost[:_LOST])}
    name, goal = primary.get("name", ""), primary.get("goal", "maximize")
    if own_metric := own.metrics.get(name):
        value, run_id = own_metric.best(goal)
        found |= {"metric": name, "best_metric": value, "run_id": run_id, "best_source": "mlflow"}
        found["spark"] = list(own_metric.last)
    return found


def _compared(
    measured: Mapping[str, Any],
    fields: Mapping[str, Any],
    known: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]],
    tallied: Mapping[str, Tally] | None,
) -> dict[str, Any]:
    given = fields.get("baseline")
    baseline: dict[str, Any] | None = None
    if isinstance(given, dict):
        baseline = {"experiment": None, "metric": given["metric"], "value": given["value"]}
    elif isinstance(given, str):
        baseline = {"experiment": given, "metric": None, "value": None}
        if given in known:
            other = _measured(*known[given], tallied)
            baseline |= {"metric": other["metric"], "value": other["best_metric"]}
    delta = None
    best = measured["best_metric"]
    if baseline and baseline["metric"] == measured["metric"] and best is not None:
        delta = None if baseline["value"] is None else round(best - baseline["value"], 12)
    return {"baseline": baseline, "delta": delta}


def _links(branch: str, run: str | None, fields: Mapping[str, Any]) -> dict[str, Any]:
    links = fields.get("links") or {}
    return {
        "branch": branch or None,
        "pr": links.get("pr"),
        "issue": links.get("issue"),
        "doc": links.get("doc"),
        "run": run,
        "handoff": None,
    }
