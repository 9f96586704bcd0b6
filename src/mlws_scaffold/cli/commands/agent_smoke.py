"""`mlws agent smoke`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from mlws_scaffold.cli import output, place


@click.command(epilog="Example: mlws agent smoke https://helper.example.org --key-file key.txt")
@click.argument("name", metavar="NAME|URL")
@click.option(
    "--key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File whose first line is an API key (default for NAME: the one that `up` uses).",
)
@click.option("--dry-run", is_flag=True, help="Only show the command.")
def smoke(name: str, key_file: Path | None, dry_run: bool) -> int:
    """Ask a running agent whether it works: alive, ready, refuses without a key, answers a chat.

    NAME means the containers that `mlws agent up` started on this machine, in the version that lies
    here. Exits with 1 when a step fails, and says which.
    """
    from mlws_scaffold.agents import catalog
    from mlws_scaffold.agents.operations import smoke as smoking
    from mlws_scaffold.scaffold import bundle

    if "://" in name:
        script = bundle.folder() / "templates/agent" / smoking.SCRIPT
        command = smoking.of_address(script, name, key_file)
    else:
        here = place.workspace()
        found = catalog.find(here.layout, name)
        command = smoking.of_agent(here, found, key_file, os.environ)
    if dry_run:
        output.line(command.shown)
        return 0
    return smoking.run(command)
