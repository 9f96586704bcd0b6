"""`mlws experiment list | show | search`."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from typing import Any

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.experiments.index import entries, listing, pages
from mlws_scaffold.experiments.index.entries import Everywhere
from mlws_scaffold.workspace.layout import Layout

_COLUMNS = (
    "experiment_id",
    "status",
    "owner",
    "best_metric",
    "metric",
    "last_activity",
    "branch",
    "folder",
)
_HITS = ("score", "kind", "experiment_id", "status", "researcher", "branch", "path", "goal")
_STATES = ("planned", "in_progress", "blocked", "completed", "failed", "abandoned", "archived")


@click.command("list", epilog="Example: mlws experiment list --state in_progress --stale")
@click.option("--state", type=click.Choice(_STATES), help="Only those in this state.")
@click.option("--researcher", help="Only those of this handle.")
@click.option("--owner", help="Only those this handle answers for.")
@click.option("--tag", help="Only those with this tag.")
@click.option("--branch", help="Only those whose newest version is on this branch.")
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="CONDITION",
    help="Only those with such a result: 'accuracy>=0.9' (>=, <=, >, <, =).",
)
@click.option("--stale", is_flag=True, help="Only those in progress that rest too long.")
@click.option(
    "--sort", type=click.Choice(listing.SORTS), default="last_activity", help="Order by this."
)
@click.option("--reverse", is_flag=True, help="The other way round.")
@click.option("--online", is_flag=True, help="Ask a tracking server for the last runs, too.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def list_experiments(as_json: bool, online: bool, **options: Any) -> None:
    """List the experiments of all branches, archived ones included; the newest version counts.

    Last activity is the later of the last commit that touched the folder on any branch and the
    last run in the tracking store. Sorted by best_metric, each metric's best comes first, be it
    the highest or, with a primary_metric to minimize, the lowest.

    JSON: experiments: a list of experiment_id, researcher, status, created, goal, tags, parent,
    decision, owner, metric, best_metric, run_id, folder, archived, branch, tree, uncommitted,
    duplicate_of, last_activity, activity_source (git, mlflow, or file: not committed), stale;
    problems: a list of path, message, cure, field, line,
    column; notes: a list of texts.
    """
    filters = listing.Filters(**{name: value for name, value in options.items() if value})
    with entries.with_runs(Layout(place.root()), online=online) as found:
        found = replace(found, notes=(*found.notes, *listing.unknown_metrics(found, filters)))
        if as_json:
            rest = {
                "problems": [dataclasses.asdict(item) for item in found.problems],
                "notes": found.notes,
            }
            output.json_rows("experiments", pages.texts(found, filters), rest)
            return
        rows = [_shown(json.loads(row)) for row in listing.rows(found, filters)]
        output.table(_COLUMNS, rows, "no experiment fits: mlws-new experiment NAME makes one")
        _remarks(found)


@click.command(epilog="Example: mlws experiment show chunking-v1")
@click.argument("experiment")
@click.option("--online", is_flag=True, help="Ask a tracking server for the last runs, too.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def show(experiment: str, online: bool, as_json: bool) -> None:
    """Show one experiment, by its id (or its beginning), its folder or RESEARCHER/NAME.

    JSON: the fields of a row of `mlws experiment list`, metadata: all of metadata.yaml, problems: a
    list of path, message, cure, field, line, column; notes: a list of texts.
    """
    with entries.with_runs(Layout(place.root()), online=online) as found:
        detail = listing.detail(found, experiment)
    if as_json:
        problems = [dataclasses.asdict(item) for item in detail.problems]
        rest = {"metadata": detail.metadata, "problems": problems, "notes": found.notes}
        output.json_document({**detail.row, **rest})
        return
    shown = {**detail.metadata, **{name: detail.row[name] for name in detail.row}}
    for name, value in shown.items():
        if value not in (None, "", [], (), False):
            text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
            text = ", ".join(map(str, text)) if isinstance(text, list) else str(text)
            output.line(f"{name:<17} {' '.join(text.split())}")
    _remarks(replace(found, problems=detail.problems))


@click.command(epilog="Example: mlws experiment search chunk size reranker")
@click.argument("words", nargs=-1, required=True)
@click.option("--all", "everything", is_flag=True, help="All that is written down, too.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, help="At most this many hits.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def search(words: tuple[str, ...], everything: bool, limit: int, as_json: bool) -> None:
    """Find experiments and learnings of all branches by their words, best first.

    With --all also decisions, handoffs (as committed), runbooks and the team's memory.

    JSON: a list of kind (experiment, learning; with --all also adr, handoff, runbook, memory),
    experiment_id, path, branch, researcher, status, goal (of a page its title), score.
    """
    from mlws_scaffold.experiments.index import search as searching

    with entries.everywhere(Layout(place.root())) as found:
        hits = searching.search(
            found, " ".join(words), limit, () if everything else searching.USUAL
        )
        rows = [dataclasses.asdict(hit) for hit in hits]
        if as_json:
            output.json_document(rows)
            return
        output.table(_HITS, rows, "nothing found: nobody tried this yet, as far as is known here")
        _remarks(found)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    branch = f"{row['branch']} (uncommitted)" if row["uncommitted"] else row["branch"]
    state = f"{row['status']} (stale)" if row["stale"] else row["status"]
    day = (row["last_activity"] or "")[:16].replace("T", " ")
    day = f"{day} ({row['activity_source']})" if day else "not measured"
    return {**row, "branch": branch, "status": state, "last_activity": day}


def _remarks(found: Everywhere) -> None:
    for problem in found.problems:
        output.note(f"problem: {problem}")
    for note in found.notes:
        output.note(f"note: {note}")
