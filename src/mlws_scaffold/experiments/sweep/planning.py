"""Before anything is made: which runs a sweep consists of, and which of them are there already."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mlws_scaffold.errors import InvalidFile, MlwsError, Problem, UsageError, did_you_mean
from mlws_scaffold.experiments import results
from mlws_scaffold.experiments.results import Run
from mlws_scaffold.experiments.run import duplicates, executing, liveness
from mlws_scaffold.experiments.run.resolving import resolve, vary
from mlws_scaffold.experiments.run.stages import Request, Resolved
from mlws_scaffold.experiments.sweep import points, spec
from mlws_scaffold.experiments.sweep.spec import Sweep
from mlws_scaffold.experiments.sweep.stages import Card, Order, Planned, Prepared, State, Trial
from mlws_scaffold.workspace.config import Workspace

SWEEP, POINT, COUNT = "mlws.sweep", "mlws.sweep.point", "mlws.sweep.points"
METRIC, PARENT = "mlws.sweep.metric", "mlflow.parentRunId"
_STATES: Mapping[str, State] = {"FINISHED": "finished", "FAILED": "failed", "KILLED": "killed"}


def prepare(order: Order) -> Prepared:
    """Raises InvalidFile for the sweep file, and all that `resolve` raises."""
    request = order.request
    if order.parallel < (1 if request.backend == "local" else 0):
        raise UsageError("--parallel: at least 1")
    path = _locate(order)
    sweep, document = spec.load(path, request.place.layout.relative(path))
    metric, goal = _decisive(sweep, request, document.name)
    base = resolve(request)
    problems = [
        document.problem(("parameters", name), problem, cure)
        for name in sweep.parameters
        for problem, cure in _missing(name, base.surroundings.config, request)
    ]
    if sweep.seeds:
        problems += [
            document.problem(("seeds",), problem, cure)
            for problem, cure in _missing("seed", base.surroundings.config, request)
        ]
    if problems:
        raise InvalidFile(problems)
    expanded = points.expand(sweep)
    resolved = vary(base, [point.sets for point in expanded])
    pairs = enumerate(zip(expanded, resolved, strict=True), 1)
    trials = tuple(Trial(place, *pair) for place, pair in pairs)
    _differ(trials)
    return Prepared(order, sweep, path, base, trials, _identity(base, trials), metric, goal)


def plan(prepared: Prepared) -> Planned:
    """What the store knows. Runs of this sweep whose process is gone are ended.

    Raises MlwsError when the sweep runs elsewhere, or when points were run before outside of it and
    nothing was said about these; Unavailable.
    """
    return _planned(prepared, look=False)


def preview(prepared: Prepared) -> Planned:
    """The same, without ending lost runs and without refusing anything."""
    return _planned(prepared, look=True)


def cards(prepared: Prepared, parent_id: str, taken: Iterable[Card] = ()) -> tuple[Card, ...]:
    """Every trial with the newest run that the sweep made for it; `taken` stay as they are."""
    kept = {card.trial.place: card for card in taken if card.state == "earlier"}
    runs = results.with_tags(prepared.order.request.place, {PARENT: parent_id}) if parent_id else []
    found = _by_key(runs)
    return tuple(
        kept.get(trial.place) or _card(trial, found[_key(trial.resolved)])
        for trial in prepared.trials
    )


def _planned(prepared: Prepared, *, look: bool) -> Planned:
    order = prepared.order
    place, force = order.request.place, order.request.force
    made = results.with_tags(place, {SWEEP: prepared.identity})
    parent = next((run for run in made if run.is_sweep), None)
    if parent and liveness.state_of(parent) == "running" and not look:
        raise MlwsError(
            f"this sweep is running on {parent.tags.get('mlws.host', 'another machine')}"
            f" (run {parent.run_id})",
            "wait for its end, or end it there",
        )
    parent = None if force else parent
    own = [run for run in made if parent and run.tags.get(PARENT) == parent.run_id]
    if not look:
        _end_lost(place, own)
    found = cards(prepared, parent.run_id if parent else "")
    away = [card.run for card in found if card.state == "running" and card.run]
    away = [
        run
        for run in away
        if not (look or liveness.is_here(run) or run.tags.get("mlws.scheduler_job"))
    ]
    if away:
        said = f"run {away[0].run_id} of this sweep is alive"
        raise MlwsError(f"{said} on {away[0].tags.get('mlws.host', 'another machine')}", "wait")
    if force:
        return Planned(prepared, parent, found)
    others = _by_key(_others(prepared, made))
    found = tuple(
        _earlier(card, others[_key(card.trial.resolved)]) if card.state != "finished" else card
        for card in found
    )
    before = [card for card in found if card.state == "earlier"]
    if before and not order.skip_existing and not look:
        raise MlwsError(
            f"{len(before)} of {len(found)} points were run before: {_shown(before)}",
            "take their results with --skip-existing, or repeat them with --force",
        )
    return Planned(prepared, parent, found)


def _locate(order: Order) -> Path:
    folder = order.request.entry.folder
    for path in (folder / order.file, Path.cwd() / order.file):
        if path.is_file():
            return path
    raise UsageError(
        f"--sweep: no {order.file} in {folder.name}", "write method and parameters there"
    )


def _decisive(sweep: Sweep, request: Request, name: str) -> tuple[str, str]:
    """The metric that orders the points, and its goal."""
    primary = request.entry.metadata.primary_metric
    if sweep.metric and sweep.goal:
        return sweep.metric, sweep.goal
    if primary is None:
        cure = "write metric and goal there, or primary_metric in metadata.yaml"
        raise InvalidFile([Problem(name, "does not say which metric decides", cure)])
    return primary.name, primary.goal


def _missing(name: str, config: Mapping[str, Any], request: Request) -> Iterable[tuple[str, str]]:
    """Why a key cannot be varied, and what to do; nothing when it can."""
    if any(text.partition("=")[0] == name for text in request.sets):
        yield f"{name} is given by --set or --seed as well", "the sweep decides: leave it out there"
    here: Any = config
    for part in name.split("."):
        if not isinstance(here, Mapping) or part not in here:
            known = list(_keys(config, ""))
            yield f"{request.config} has no key {name}", did_you_mean(name, known)
            return
        here = here[part]


def _keys(config: Mapping[str, Any], above: str) -> Iterable[str]:
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _keys(value, f"{above}{key}.")
        else:
            yield f"{above}{key}"


def _differ(trials: Iterable[Trial]) -> None:
    """Two trials that resolve to the same would be one run. Raises UsageError."""
    seen: dict[tuple[str, str], Trial] = {}
    for trial in trials:
        first = seen.setdefault(_key(trial.resolved), trial)
        if first is not trial:
            raise UsageError(
                f"two points are the same run: {' '.join(first.point.sets)} and"
                f" {' '.join(trial.point.sets)}",
                "vary what changes the result",
            )


def _identity(base: Resolved, trials: Iterable[Trial]) -> str:
    """What makes two sweeps the same: the same runs of the same code and data."""
    known = {
        "experiment": base.request.entry.metadata.experiment_id,
        "code": base.code_hash,
        "data": dict(base.data),
        "runs": sorted(_key(trial.resolved) for trial in trials),
    }
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


def _key(resolved: Resolved) -> tuple[str, str]:
    return resolved.config_hash, resolved.seed


def _by_key(runs: Iterable[Run]) -> Mapping[tuple[str, str], list[Run]]:
    found: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in runs:
        found[run.tags.get("mlws.config_hash", ""), run.tags.get("mlws.seed", "")].append(run)
    return found


def _card(trial: Trial, runs: list[Run]) -> Card:
    """The newest run counts; but a finished one is never repeated."""
    run = next((run for run in runs if run.status == "FINISHED"), runs[0] if runs else None)
    if run is None:
        return Card(trial, "waiting")
    word = liveness.state_of(run)
    state: State = "lost" if word == liveness.LOST else _STATES.get(run.status, "running")
    return Card(trial, state, run)


def _end_lost(place: Workspace, runs: Iterable[Run]) -> None:
    """End runs whose process is gone, and remove what the killed watcher of others left."""
    liveness.reap(place, among=runs)
    for run in runs:
        if run.status != "RUNNING" and liveness.is_here(run) and not liveness.has_process(run):
            executing.tidy(place.root, run.run_id)


def _others(prepared: Prepared, made: Iterable[Run]) -> list[Run]:
    """Runs of this code outside of the sweep that are finished or live."""
    tags = {"mlws.code_hash": prepared.base.code_hash}
    own = {run.run_id for run in made}
    return [
        run
        for run in results.with_tags(prepared.order.request.place, tags)
        if run.run_id not in own and liveness.state_of(run) in ("finished", "running")
    ]


def _earlier(card: Card, others: Iterable[Run]) -> Card:
    """The card of a point that was run outside of the sweep. Raises MlwsError while it is run."""
    resolved = card.trial.resolved
    found = duplicates.among(others, resolved)
    if not found:
        return card
    run = next((run for run in found if run.status == "FINISHED"), None)
    if run is None:
        shown = duplicates.shown(found[0], resolved)
        raise MlwsError(
            f"a point is being run: {' '.join(card.trial.point.sets)}: {shown}",
            "wait for its end, or run it twice with --force",
        )
    return Card(card.trial, "earlier", run)


def _shown(before: list[Card]) -> str:
    few = [
        f"{' '.join(card.trial.point.sets)}: {duplicates.shown(card.run, card.trial.resolved)}"
        for card in before[:3]
        if card.run
    ]
    more = len(before) - len(few)
    return "; ".join(few) + (f"; and {more} more" if more else "")
