"""`mlws experiment set-status | sync | archive | unarchive`."""

from __future__ import annotations

from pathlib import Path

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.errors import MlwsError, UsageError
from mlws_scaffold.experiments import find
from mlws_scaffold.experiments.index import entries
from mlws_scaffold.experiments.index.entries import Entry
from mlws_scaffold.experiments.life import archive as archiving
from mlws_scaffold.experiments.life import lifecycle
from mlws_scaffold.experiments.life import sync as syncing
from mlws_scaffold.experiments.life.archive import Moved
from mlws_scaffold.experiments.life.sync import Synced
from mlws_scaffold.workspace.config import Workspace
from mlws_scaffold.workspace.layout import EXPERIMENTS

_experiment = click.argument("text", metavar="EXPERIMENT")
_dry_run = click.option("--dry-run", "dry", is_flag=True, help="Say what would be done.")
_researcher = click.option("--researcher", default="", help="Your handle (default: by git e-mail).")


@click.command(
    epilog="Example: mlws experiment set-status chunking failed "
    '--conclusion "Chunk size made no difference" --decision drop'
)
@_experiment
@click.argument("state", metavar="STATE")
@click.option("--hypothesis", help="What you expect, and why.")
@click.option("--conclusion", help="What was learned.")
@click.option(
    "--decision", type=click.Choice(["adopt", "iterate", "drop"]), help="What follows from it."
)
@_dry_run
def set_status(
    text: str,
    state: str,
    hypothesis: str | None,
    conclusion: str | None,
    decision: str | None,
    dry: bool,
) -> None:
    """Move an experiment to another state.

    planned, in_progress (or blocked), then completed, failed or abandoned. Every state but planned
    needs a hypothesis, a closed one a conclusion, completed also a filled results/summary.md.
    EXPERIMENT is a folder, RESEARCHER/NAME or an experiment_id.
    """
    here = place.workspace()
    entry = find.experiment(here, text, Path.cwd())
    given = {"hypothesis": hypothesis, "conclusion": conclusion, "decision": decision}
    fields = {name: value for name, value in given.items() if value is not None}
    moved = lifecycle.move(here, entry, state, fields, dry=dry)
    output.line(
        f"{moved.entry.metadata.experiment_id}: {moved.old} -> {moved.new}"
        + _would(dry, f"write {', '.join(moved.wrote)}")
    )


@click.command(epilog="Example: mlws experiment sync chunking --dry-run")
@click.argument("text", metavar="[EXPERIMENT]", default="")
@click.option("--all", "everything", is_flag=True, help="Every active experiment.")
@click.option("--allow-dirty", is_flag=True, help="Also take runs with uncommitted changes.")
@_dry_run
def sync(text: str, everything: bool, allow_dirty: bool, dry: bool) -> int:
    """Write `results` in metadata.yaml from the best finished run in MLflow.

    Best is what primary_metric says. The metrics also go between the markers of
    results/summary.md. Without EXPERIMENT the one around the current folder is meant. Exits with 1
    when the named experiment could not be synced, with --all when a file was in the way.
    """
    if text and everything:
        raise UsageError("EXPERIMENT and --all exclude each other", "choose one")
    here = place.workspace()
    if not everything:
        entry = find.experiment(here, text, Path.cwd())
        done = syncing.write(
            here, entry, syncing.runs(here, [entry]), allow_dirty=allow_dirty, dry=dry
        )
        _show(done, dry)
        return 1 if done.failed else 0
    return _sync_all(here, allow_dirty, dry)


@click.command(epilog="Example: mlws experiment archive chunking")
@_experiment
@_researcher
def archive(text: str, researcher: str) -> None:
    """Move a closed experiment to experiments/archive and stage the move.

    Only from completed, failed or abandoned, with a conclusion. Cut off in the middle, the same
    command finishes it. EXPERIMENT is a folder, RESEARCHER/NAME or an experiment_id.
    """
    here = place.workspace()
    moved = archiving.archive(here, find.experiment(here, text, Path.cwd()), researcher)
    _report(here, moved, "archived")


@click.command(epilog="Example: mlws experiment unarchive chunking")
@_experiment
def unarchive(text: str) -> None:
    """Move an experiment back to experiments/active; it is again what it was before."""
    here = place.workspace()
    moved = archiving.unarchive(here, find.experiment(here, text, Path.cwd()))
    _report(here, moved, moved.entry.metadata.status)


def _sync_all(here: Workspace, allow_dirty: bool, dry: bool) -> int:
    found = entries.of_working_tree(here.layout)
    active = [entry for entry in found.entries if _is_active(here, entry)]
    runs = syncing.runs(here, active) if active else []
    broken = [str(problem) for problem in found.problems]
    for entry in active:
        try:
            _show(syncing.write(here, entry, runs, allow_dirty=allow_dirty, dry=dry), dry)
        except MlwsError as error:
            broken.append(f"{error.message} ({error.cure})" if error.cure else error.message)
    for problem in broken:
        output.note(f"error: {problem}")
    if not active and not broken:
        output.line("no active experiment here")
    return 1 if broken else 0


def _is_active(here: Workspace, entry: Entry) -> bool:
    return here.layout.relative(entry.folder).startswith(f"{EXPERIMENTS}/")


def _show(done: Synced, dry: bool) -> None:
    name, metric = done.entry.metadata.experiment_id, done.entry.metadata.primary_metric
    if done.run is None or metric is None:
        output.line(f"{name}: not synced: {done.why}")
        return
    value = f"{metric.name} {done.run.metrics[metric.name]:.6g} of run {done.run.run_id}"
    what = _would(dry, f"write {', '.join(done.wrote)}") if done.wrote else " (up to date)"
    output.line(f"{name}: {value}{what}")
    for remark in done.remarks:
        output.note(f"note: {remark}")


def _report(here: Workspace, moved: Moved, state: str) -> None:
    if moved.remark:
        output.note(f"note: {moved.remark}")
    begun = " (finished what was begun earlier)" if moved.finished else ""
    folder = here.layout.relative(moved.entry.folder)
    output.line(f"{moved.entry.metadata.experiment_id}: {state}, now in {folder}{begun}")
    output.line("next: git commit")


def _would(dry: bool, text: str) -> str:
    return f" (would {text})" if dry else ""
