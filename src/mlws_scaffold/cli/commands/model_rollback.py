"""`mlws model rollback`."""

from __future__ import annotations

import os

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.cli.commands import model_moves
from mlws_scaffold.models.lifecycle import rollback as going_back


@click.command(epilog='Example: mlws model rollback assistant --reason "answers are too slow"')
@click.argument("name")
@click.option("--to", "version", default="", metavar="VERSION", help="Default: the one before.")
@click.option("--reason", default="", metavar="TEXT", help="Why; kept in the history.")
@click.option("--researcher", default="", help="Your handle (default: by git e-mail).")
@click.option("--dry-run", "dry", is_flag=True, help="Only say what would be changed.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def rollback(
    name: str, version: str, reason: str, researcher: str, dry: bool, as_json: bool
) -> int:
    """Put the model that was in production before back, as NAME:production on that server.

    The kept copy NAME:VERSION is compared with the digest that the history has before the pointer
    moves. What is live now is kept too. Going back twice leads two versions back.

    JSON: model, version, from, to, host, ok, dry_run, gates (name, result, seconds, evidence,
    output), changes, error.
    """
    request = going_back.Return(
        place=place.workspace(),
        environment=os.environ,
        key=name,
        version=version,
        reason=reason,
        researcher=researcher,
        dry=dry,
        watch=output.note,
    )
    return model_moves.show(going_back.rollback(request), as_json)
