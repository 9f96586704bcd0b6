"""`mlws model sync`."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Sequence

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.cli.commands import model_plan, pulls
from mlws_scaffold.errors import UsageError
from mlws_scaffold.models import hosts
from mlws_scaffold.models.sync import execute, plan
from mlws_scaffold.models.sync.execute import Options
from mlws_scaffold.models.sync.plan import Plan
from mlws_scaffold.models.sync.prune import Leftover
from mlws_scaffold.models.sync.report import Report, Result
from mlws_scaffold.workspace.config import Workspace
from mlws_scaffold.workspace.layout import MODEL_LOCK

_COLUMNS = ("result", "model", "ollama", "why")


@click.command("sync", epilog="Example: mlws model sync llama3.1-8b --dry-run")
@click.argument("names", nargs=-1)
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option(
    "--force", is_flag=True, help="Make them anew, also what was changed outside or looks right."
)
@click.option("--prune", is_flag=True, help="Remove what was made for an earlier registry.")
@click.option("--yes", is_flag=True, help="Do not ask before removing.")
@click.option(
    "--host", default="", metavar="URL", help="Another Ollama server than this machine's."
)
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def sync_models(
    names: tuple[str, ...], dry_run: bool, host: str, as_json: bool, **how: bool
) -> int:
    """Make the Ollama server hold what the registry names: all of it, or the entries named by key
    and what they are built on.

    Models of Ollama are pulled, custom ones built from their Modelfile; a key that is not the name
    in Ollama becomes a second name, so that agents can ask for it. What is right already is left
    alone. A failure does not stop the others, and the next sync goes on where this one stopped.
    models/models.lock records what was found.

    JSON: host, ok, lock_changed, notes, results (a list of key, name, state, ok, detail, cure,
    is_alias); states are up to date, adopted, pulled, built, copied, removed, cloud, not buildable,
    drifted, changed outside, skipped, failed. With --dry-run the plan, as in mlws model plan.
    """
    workspace = place.workspace()
    server = hosts.host_of(workspace, os.environ, host)
    if how["prune"] and not (how["yes"] or dry_run or _can_ask(as_json)):
        raise UsageError("--prune asks before it removes", "say --yes where nobody can answer")
    if dry_run:
        return _dry(plan.make(workspace, server, names, force=how["force"]), as_json)
    with pulls.watching() as watch:
        options = Options(names, force=how["force"])
        report = execute.sync(workspace, server, watch, options)
    removed = _pruned(workspace, report, ask=not how["yes"]) if how["prune"] else ()
    results = (*report.results, *removed)
    if as_json:
        shown = {name: getattr(report, name) for name in ("host", "ok", "lock_changed", "notes")}
        found = [dataclasses.asdict(result) for result in results]
        output.json_document({**shown, "results": found})
    else:
        _show(report, results)
    return int(not all(result.ok for result in results))


def _dry(found: Plan, as_json: bool) -> int:
    if as_json:
        output.json_document([*model_plan.rows(found)])
    else:
        model_plan.show(found)
    return int(any(not step.action for step in found.drift))


def _pruned(workspace: Workspace, report: Report, *, ask: bool) -> tuple[Result, ...]:
    if report.doubt:
        output.note(f"nothing is removed: {report.doubt}")
        return ()
    if not report.leftovers:
        output.note("nothing to remove")
        return ()
    output.note(f"no longer in the registry, on {report.host}:")
    for one in report.leftovers:
        output.note(f"  {_described(one)}")
    if ask and not click.confirm("Remove them?", default=False, err=True):
        return ()
    return execute.remove(workspace, report.host, [one.name for one in report.leftovers])


def _described(one: Leftover) -> str:
    return f"{one.name}, {one.made_by} {one.at[:10]}, at most {one.size / 1e9:.1f} GB"


def _can_ask(as_json: bool) -> bool:
    return sys.stdin.isatty() and not as_json


def _show(report: Report, results: Sequence[Result]) -> None:
    told = [result for result in results if not result.is_silent]
    lines: list[dict[str, object]] = [
        {
            "result": one.state,
            "model": one.title,
            "ollama": one.name,
            "why": one.detail,
        }
        for one in told
    ]
    output.table(_COLUMNS, lines, "the registry has no models: mlws-new model NAME")
    # What is skipped has the cure of its base, and a second name that of its model.
    cures = {one.cure: one.title for one in reversed(told) if one.cure and not one.ok}
    for cure, title in reversed(cures.items()):
        output.line(f"-> {title}: {cure}")
    for note in report.notes:
        output.note(f"note: {note}")
    if report.lock_changed:
        output.note(f"note: {MODEL_LOCK} was written: commit it")
    if not any(result.changed for result in results) and report.ok:
        output.line(f"nothing was to be done: {report.host} holds what the registry asks for")
