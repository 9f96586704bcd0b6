"""`mlws agent list`."""

from __future__ import annotations

import click

from mlws_scaffold.agents import catalog
from mlws_scaffold.cli import output, place

_COLUMNS = ("name", "track", "owner", "model", "from", "folder")


@click.command("list", epilog="Example: mlws agent list --json")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def list_agents(as_json: bool) -> int:
    """List the prototypes and the production agents. Exits with 1 when an agent.yaml is broken.

    JSON: a list of name, track (prototype, production), owner, model (a key of the registry), from
    (what it was promoted from), folder.
    """
    layout = place.workspace().layout
    found, problems = catalog.every(layout)
    rows = [
        {
            "name": one.agent.name,
            "track": one.track,
            "owner": one.agent.owner,
            "model": one.agent.model,
            "from": one.agent.promoted_from.path if one.agent.promoted_from else None,
            "folder": layout.relative(one.folder),
        }
        for one in found
    ]
    if as_json:
        output.json_document(rows)
    else:
        output.table(_COLUMNS, rows, "no agents yet: mlws-new prototype NAME")
    for problem in problems:
        output.note(f"error: {problem}")
    return int(bool(problems))
