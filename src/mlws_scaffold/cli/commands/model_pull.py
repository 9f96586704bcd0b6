"""`mlws model pull`."""

from __future__ import annotations

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.cli.commands import pulls


@click.command("pull", epilog="Example: mlws model pull ranker")
@click.argument("name")
@click.option("--version", default="", help="Another one than the registry's, or the only one.")
def pull(name: str, version: str) -> None:
    """Fetch the weights that models/checkpoints/NAME/VERSION.yaml describes into the folder beside
    it, which git ignores.

    A broken transfer goes on where it ended. What does not have the described sha256 is never used.
    """
    from mlws_scaffold.models.weights import fetching

    workspace = place.workspace()
    wanted = fetching.wanted(workspace, name, version)
    with pulls.of_files() as watch:
        found = fetching.pull(workspace, wanted, watch)
    path = workspace.layout.relative(found.path)
    output.line(f"{found.state} {name} {wanted.version}: {path}")
