"""`mlws status`."""

from __future__ import annotations

import dataclasses

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.team import status as measured


@click.command(epilog="Example: mlws status --json")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def status(as_json: bool) -> None:
    """Show the workspace on one screen.

    JSON: name, root, branch, experiments, models and agents: {by: {state: count}, unknown: why},
    gpus, template, mlws, own (patterns of files that updates leave alone),
    broken: [path, line, column, field, message, cure].
    """
    found = measured.measure(place.workspace())
    if as_json:
        output.json_document(dataclasses.asdict(found))
        return
    rows = {
        "workspace": f"{found.name} at {found.root}",
        "branch": found.branch,
        "experiments": found.experiments.text,
        "models": found.models.text,
        "agents": found.agents.text,
        "GPUs": found.gpus,
        "template": f"{found.template}, mlws {found.mlws}",
        "taken over": ", ".join(found.own) or "none",
        "broken files": ", ".join(sorted({problem.path for problem in found.broken})) or "none",
    }
    for name, text in rows.items():
        output.line(f"{name:<13} {text}")
    for problem in found.broken:
        output.line(f"  {problem}")
