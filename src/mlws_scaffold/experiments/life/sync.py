"""`results` of an experiment, written from its best run, and whether the two still agree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mlws_scaffold.adapters import files
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.experiments import results
from mlws_scaffold.experiments.index.entries import Entry
from mlws_scaffold.experiments.life import editing, summary
from mlws_scaffold.experiments.results import Run
from mlws_scaffold.experiments.spec import Metadata
from mlws_scaffold.workspace.config import Workspace
from mlws_scaffold.workspace.layout import METADATA

COMMIT_TAGS = ("mlws.git.commit", "mlflow.source.git.commit")


@dataclass(frozen=True, slots=True)
class Synced:
    """What became of one experiment: the run that was best, or why nothing was written."""

    entry: Entry
    run: Run | None = None
    wrote: tuple[str, ...] = ()
    why: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        return self.run is None


def tracked_name(metadata: Metadata) -> str:
    """The name of the experiment in MLflow."""
    return metadata.mlflow_experiment or metadata.experiment_id


def runs(place: Workspace, entries: Iterable[Entry]) -> list[Run]:
    """All runs of the experiments, by one search. Raises Unavailable."""
    return results.runs_of(place, {tracked_name(entry.metadata) for entry in entries})


def own(metadata: Metadata, found: Iterable[Run]) -> list[Run]:
    """The runs of one experiment: several may share a name in MLflow, the tag tells them apart."""
    tag, name = "mlws.experiment_id", tracked_name(metadata)
    return [
        run
        for run in found
        if run.experiment == name
        and run.tags.get(tag, metadata.experiment_id) == metadata.experiment_id
    ]


def commit_of(run: Run) -> str | None:
    """The commit a run was made from, when it was recorded."""
    return next((run.tags[tag] for tag in COMMIT_TAGS if run.tags.get(tag)), None)


def best_of(
    metadata: Metadata, found: Iterable[Run], *, allow_dirty: bool = False
) -> tuple[Run | None, str]:
    """The best finished run by the primary metric, or why there is none."""
    metric = metadata.primary_metric
    if metric is None:
        return None, "no primary_metric: write `primary_metric: {name: accuracy, goal: maximize}`"
    mine = own(metadata, found)
    if not mine:
        return None, f"no run in MLflow's experiment {tracked_name(metadata)!r}"
    best = results.best(mine, metric.name, metric.goal, allow_dirty=allow_dirty)
    if best is not None:
        return best, ""
    finished = [run for run in mine if run.status == "FINISHED"]
    if not finished:
        return None, f"none of {len(mine)} runs is finished"
    measured = [run for run in finished if metric.name in run.metrics]
    if measured and not allow_dirty and all(run.dirty for run in measured):
        return (
            None,
            "every finished run had uncommitted changes: commit and repeat one, or take"
            " them with --allow-dirty",
        )
    return None, f"no finished run has the metric {metric.name!r}"


def write(
    place: Workspace, entry: Entry, found: Iterable[Run], *, allow_dirty: bool, dry: bool
) -> Synced:
    """Write the best run into `results` and the metrics of results/summary.md.

    The two files are written one after the other and each only where it differs, so that a repeat
    finishes what was cut off. Raises InvalidFile or MlwsError when a file cannot be edited.
    """
    mine = list(found)
    run, why = best_of(entry.metadata, mine, allow_dirty=allow_dirty)
    if run is None:
        return Synced(entry, why=why)
    name = place.layout.relative(entry.folder)
    wrote: list[str] = []
    text, remark = _summary(entry, run, name)
    edited = None
    if not _agrees(entry.metadata, run):
        edited = editing.prepare(
            entry.folder / METADATA, f"{name}/{METADATA}", {"results": _record(entry.metadata, run)}
        )
    if text is not None:
        wrote.append(f"{name}/{summary.SUMMARY}")
        if not dry:
            files.write(entry.folder / summary.SUMMARY, text)
    if edited is not None:
        wrote.append(f"{name}/{METADATA}")
        if not dry:
            edited.write()
    return Synced(entry, run, tuple(wrote), remarks=(remark,) if remark else ())


def disagreements(metadata: Metadata, found: Iterable[Run]) -> tuple[list[str], list[str]]:
    """What `results` says otherwise than MLflow: mistakes, and remarks on what is newer."""
    said = metadata.results
    if said is None or said.run_id is None:
        return [], []
    mine = {run.run_id: run for run in own(metadata, found)}
    run = mine.get(said.run_id)
    if run is None:
        return [f"run {said.run_id} is not in MLflow's {tracked_name(metadata)!r}"], []
    wrong = []
    if isinstance(said.best_metric, float) and said.metric:
        value = run.metrics.get(said.metric)
        if value != said.best_metric:
            shown = "no such metric" if value is None else f"{value!r}"
            wrong.append(f"{said.metric} is {said.best_metric!r} here, {shown} in {run.run_id}")
    if said.commit and (commit := commit_of(run)) and not commit.startswith(said.commit):
        wrong.append(f"commit is {said.commit} here, {commit} in {run.run_id}")
    best, _ = best_of(metadata, mine.values(), allow_dirty=run.dirty)
    newer = [f"run {best.run_id} is better by now"] if best and best.run_id != said.run_id else []
    return wrong, newer


def _agrees(metadata: Metadata, run: Run) -> bool:
    said = metadata.results
    return said is not None and {
        key: getattr(said, key) for key in ("best_metric", "metric", "run_id", "commit")
    } == {key: value for key, value in _record(metadata, run).items() if key != "synced_at"}


def _record(metadata: Metadata, run: Run) -> dict[str, Any]:
    if metadata.primary_metric is None:
        raise MlwsError(f"{metadata.experiment_id} has no primary_metric")
    name = metadata.primary_metric.name
    return {
        "best_metric": run.metrics[name],
        "metric": name,
        "run_id": run.run_id,
        "commit": commit_of(run),
        "synced_at": datetime.now(UTC).replace(microsecond=0),
    }


def _summary(entry: Entry, run: Run, name: str) -> tuple[str | None, str]:
    """The new text of results/summary.md (None: nothing to write), and a remark."""
    shown = f"{name}/{summary.SUMMARY}"
    text = summary.read(entry.folder, summary.SUMMARY, shown)
    if text is None:
        return None, f"{shown} is missing: the metrics were not written there"
    filled = summary.with_metrics(text, _block(entry.metadata, run))
    if filled is None:
        return None, f"{shown} has no markers <!-- mlws:metrics --> … <!-- /mlws:metrics -->"
    return (None if filled == text else filled), ""


def _block(metadata: Metadata, run: Run) -> str:
    metric = metadata.primary_metric
    commit = commit_of(run)
    lines = [
        f"Best run: `{run.run_id}`, commit {f'`{commit[:12]}`' if commit else 'not recorded'}"
        f"{' with uncommitted changes' if run.dirty else ''}.",
        "",
        "| metric | value |",
        "|---|---|",
    ]
    first = metric.name if metric else ""
    for key in sorted(run.metrics, key=lambda key: (key != first, key)):
        lines.append(f"| {_cell(key)} | {run.metrics[key]:.6g} |")
    if metric and metric.target is not None:
        value, target = run.metrics[metric.name], metric.target
        reached = value >= target if metric.goal == "maximize" else value <= target
        lines += ["", f"The target of {target:g} was {'' if reached else 'not '}reached."]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())
