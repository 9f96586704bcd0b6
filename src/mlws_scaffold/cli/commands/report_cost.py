"""`mlws report cost`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlws_scaffold.cli import output, place

if TYPE_CHECKING:
    from mlws_scaffold.gpus.costs.budgets import Limits
    from mlws_scaffold.gpus.costs.report import Report
    from mlws_scaffold.workspace.config import Workspace

_BY = click.Choice(("researcher", "experiment", "agent", "gpu", "week"))
_FORMAT = click.Choice(("text", "json", "csv", "markdown"))
# Nothing of ours runs where the models of agents are served.
_UNMETERED = "no meter runs on the host of its model"


@click.command("cost", epilog="Example: mlws report cost --since 30d --by researcher --check")
@click.option("--since", default="30d", metavar="WHEN", help="30d, 12h, a date, or all.")
@click.option("--by", type=_BY, default="researcher", help="What a line stands for.")
@click.option("--format", "form", type=_FORMAT, default="text", help="How to print it.")
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@click.option("--plot", type=click.Path(dir_okay=False), help="Draw it into this SVG file too.")
@click.option("--check", is_flag=True, help="Exit with 1 when a budget is breached.")
def cost(since: str, by: str, form: str, as_json: bool, plot: str | None, check: bool) -> int:
    """Show what runs used of GPUs, and what that cost by [[prices]].

    GPU-hours are those that a run had a GPU, busy or not. A GPU without a price is unpriced.
    Budgets are those of [budgets] (month, or a handle: this month) and of metadata.yaml (all time).
    With --check a breached budget exits with 1, one that cannot be judged with 4.

    JSON: since, until, by, lines and total: {runs, allocated_hours, measured_hours, busy_hours,
    energy_kwh, unpriced_hours, cost_CURRENCY}, unpriced: {gpu: hours}, budgets: [{name, limit,
    spent, unit, state (kept, near, breached, not judged), why}], waste: {idle_hours, lost_hours,
    lost_runs, unused_reserved_hours}, agents: {name: {hours, why}}, notes. What is not measured is
    null.
    """
    from mlws_scaffold.experiments import journal
    from mlws_scaffold.gpus.costs import asking, rendering
    from mlws_scaffold.gpus.costs.report import Question

    here = place.workspace()
    now, zone = datetime.now(UTC), here.config.reports.timezone
    question = Question(
        by=by,
        since=None if since == "all" else journal.since(since, zone, now),
        until=now,
        zone=zone,
        limits=_limits(here),
        agents={folder.name: _UNMETERED for folder in here.layout.agents()},
    )
    found = asking.cost(here, question)
    if plot:
        Path(plot).write_text(rendering.picture(found), encoding="utf-8")
    _show(found, "json" if as_json else form)
    if not check:
        return 0
    for one in (*found.breached, *found.undecided):
        output.note(f"{one.name}: {one.state}{f': {one.why}' if one.why else ''}")
    return 1 if found.breached else 4 if found.undecided else 0


def _show(found: Report, form: str) -> None:
    from mlws_scaffold.gpus.costs import rendering

    if form == "json":
        output.json_document(rendering.document(found))
    elif form == "csv":
        output.line(rendering.as_csv(found).rstrip("\n"))
    elif form == "markdown":
        output.line(rendering.as_markdown(found).rstrip("\n"))
    else:
        output.table(rendering.columns(found), rendering.rows(found), "nothing was used")
        if found.budgets:
            output.line()
            heads = ("budget", "limit", "spent", "state", "why")
            output.table(heads, rendering.budget_rows(found), "")
        output.line()
        for remark in rendering.remarks(found):
            output.line(remark)


def _limits(here: Workspace) -> Limits:
    from mlws_scaffold.experiments.index import entries
    from mlws_scaffold.gpus.costs.budgets import Limit, Limits

    known = [entry.metadata for entry in entries.of_working_tree(here.layout).entries]
    return Limits(
        monthly=here.config.budgets,
        experiments={
            one.experiment_id: Limit(one.budget.gpu_hours, one.budget.cost)
            for one in known
            if one.budget
        },
    )
