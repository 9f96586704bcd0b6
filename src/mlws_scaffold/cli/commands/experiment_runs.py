"""`mlws experiment runs` and `reap`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlws_scaffold.cli import output, place

if TYPE_CHECKING:
    from mlws_scaffold.experiments.journal import Line

_COLUMNS = ("run", "experiment", "state", "recorded", "who", "start", "seconds", "metrics")


@click.command("runs", epilog="Example: mlws experiment runs --since yesterday")
@click.option("--since", default="", metavar="WHEN", help="today, yesterday, 7d, 12h or a date.")
@click.option("--experiment", default="", metavar="X", help="Only those of one experiment.")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def runs(since: str, experiment: str, as_json: bool) -> None:
    """List the runs of all experiments, newest first.

    A run made by a bare python train.py is unrecorded; one whose process is gone is lost. The
    points of a sweep stand below its own line, each with a dash.

    JSON: a list of run_id, experiment, mlflow_experiment, state (running, finished, failed, killed,
    scheduled, lost), recorded, who, researcher, start, end, seconds, commit, dirty, seed, command,
    metrics, is_sweep, sweep (run_id of the sweep that it is a point of, or null).
    """
    from mlws_scaffold.experiments import find, journal

    here = place.workspace()
    zone = here.config.reports.timezone
    after = journal.since(since, zone, datetime.now(UTC)) if since else None
    entry = find.experiment(here, experiment, Path.cwd()) if experiment else None
    found = journal.lines(here, after=after, entry=entry)
    if as_json:
        output.json_document([_document(line) for line in found])
        return
    rows = [
        {
            "run": f"- {line.run.run_id[:8]}" if below else line.run.run_id[:8],
            "experiment": line.experiment,
            "state": line.state,
            "recorded": "yes" if line.run.recorded else "unrecorded",
            "who": line.who,
            "start": f"{line.run.start:%Y-%m-%d %H:%M}",
            "seconds": "" if line.seconds is None else f"{line.seconds:.1f}",
            "metrics": _metrics(line),
        }
        for line, below in journal.families(found)
    ]
    output.table(_COLUMNS, rows, "no runs: mlws run EXPERIMENT")


@click.command("reap", epilog="Example: mlws experiment reap --dry-run")
@click.option("--dry-run", is_flag=True, help="Only say which.")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def reap(dry_run: bool, as_json: bool) -> None:
    """End the runs of this machine whose process is gone.

    They are marked as lost and end as KILLED with what they logged. A run whose end the store could
    not be told, because it was away, ends as it did. Nothing that lives is touched.

    JSON: a list of run_id, experiment, start, state (lost, finished, failed, killed), ended.
    """
    from mlws_scaffold.experiments.run import liveness

    found = liveness.reap(place.workspace(), dry=dry_run)
    if as_json:
        output.json_document(
            [
                {
                    "run_id": one.run.run_id,
                    "experiment": one.run.tags["mlws.experiment_id"],
                    "start": one.run.start,
                    "state": one.state,
                    "ended": not dry_run,
                }
                for one in found
            ]
        )
        return
    for one in found:
        word = "would end as " if dry_run else ""
        output.line(f"{word}{one.state}: {one.run.run_id} of {one.run.tags['mlws.experiment_id']}")
    if not found:
        output.line("no run is lost")


def _metrics(line: Line) -> list[str]:
    tags, metrics = line.run.tags, line.run.metrics
    if line.run.sweep:
        name = tags.get("mlws.sweep.metric", "")
        shown = [f"{name} {metrics[name]:.4g}"] if name in metrics else []
        return [*shown, tags.get("mlflow.runName", "")[:80]]
    if not line.run.is_sweep:
        return [f"{name} {value:.4g}" for name, value in metrics.items()][:3]
    done = tags.get("mlws.sweep.done")  # written at its end
    done = f"sweep: {f'{done} of ' if done else ''}{tags['mlws.sweep.points']} points"
    best = tags.get("mlws.sweep.best_value")
    return [done, f"best {tags.get('mlws.sweep.metric')} {float(best):.4g}"] if best else [done]


def _document(line: Line) -> dict[str, object]:
    tags = line.run.tags
    return {
        "run_id": line.run.run_id,
        "experiment": line.experiment,
        "mlflow_experiment": line.run.experiment,
        "state": line.state,
        "recorded": line.run.recorded,
        "who": line.who,
        "researcher": tags.get("mlws.researcher"),
        "start": line.run.start,
        "end": line.run.end,
        "seconds": line.seconds,
        "commit": tags.get("mlws.git.commit"),
        "dirty": line.run.dirty,
        "seed": tags.get("mlws.seed"),
        "command": tags.get("mlws.command"),
        "metrics": dict(line.run.metrics),
        "is_sweep": line.run.is_sweep,
        "sweep": line.run.sweep,
    }
