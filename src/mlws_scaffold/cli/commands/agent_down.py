"""`mlws agent down`."""

from __future__ import annotations

import click

from mlws_scaffold.cli import output, place


@click.command(epilog="Example: mlws agent down helper")
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="Only show the command.")
def down(name: str, dry_run: bool) -> int:
    """Stop the containers of the production agent NAME; models and series stay.

    Running answers get the time to end that compose.yaml grants.
    """
    from mlws_scaffold.agents import catalog
    from mlws_scaffold.agents.operations import stack

    found = catalog.find(place.workspace().layout, name)
    command = stack.stop(found)
    if dry_run:
        output.line(command.shown)
        return 0
    return stack.down(found, command)
