"""`mlws ci propose`."""

from __future__ import annotations

import click

from mlws_scaffold.cli import output, place


@click.command(epilog="Example: mlws ci propose --branch deployments/helper-1 --title 'Record it'")
@click.option("--branch", required=True, metavar="NAME", help="Replaced when it exists.")
@click.option("--title", required=True, metavar="TEXT", help="Of the commit and the pull request.")
@click.option("--base", default="", metavar="NAME", help="Default: the default branch.")
@click.option(
    "--dispatch/--no-dispatch",
    default=True,
    show_default=True,
    help="Start the workflows that report on it: needed with a workflow's own token.",
)
@click.option("--dry-run", "dry", is_flag=True, help="Only say what would be proposed.")
def propose(branch: str, title: str, base: str, dispatch: bool, dry: bool) -> int:
    """Open a pull request with what changed in the work tree, and with commits that base lacks.

    Pushes with git and asks gh, which both take their token from the environment.
    """
    from mlws_scaffold.team import proposing

    here = place.workspace()
    wish = proposing.Proposal(branch, title, base or here.config.workspace.default_branch, dispatch)
    proposing.propose(here.root, wish, output.note, dry=dry)
    return 0
