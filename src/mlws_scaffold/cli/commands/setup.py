"""`mlws setup`."""

from __future__ import annotations

import dataclasses

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.cli.commands import pulls, steps
from mlws_scaffold.scaffold import setup as preparing


@click.command(epilog="Example: mlws setup")
@click.option("--json", "as_json", is_flag=True, help="Print the reports as JSON.")
def setup(as_json: bool) -> int:
    """Prepare this clone: git, hooks, lock, tracking store, GPUs, models. Safe to repeat.

    JSON: a list of name, state (done, skipped, failed), detail, cure.
    """
    workspace = place.workspace()
    with pulls.watching() as watch:
        if as_json:
            reports = preparing.again(workspace, watch=watch)
            output.json_document([dataclasses.asdict(report) for report in reports])
        else:
            reports = preparing.again(workspace, steps.show, watch)
    return int(any(report.state == "failed" for report in reports))
