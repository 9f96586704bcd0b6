"""`mlws model lock`."""

from __future__ import annotations

import dataclasses
import os

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.errors import UsageError
from mlws_scaffold.models import hosts
from mlws_scaffold.models.sync import locking
from mlws_scaffold.workspace.layout import MODEL_LOCK

_COLUMNS = ("state", "model", "ollama", "locked", "found", "why")


@click.command("lock", epilog="Example: mlws model lock --update llama3.1-8b")
@click.argument("names", nargs=-1)
@click.option("--update", is_flag=True, help="Accept what the server holds now.")
@click.option("--check", is_flag=True, help="Exit with 1 when something moved or is not locked.")
@click.option(
    "--host", default="", metavar="URL", help="Another Ollama server than this machine's."
)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def lock_models(names: tuple[str, ...], update: bool, check: bool, host: str, as_json: bool) -> int:
    """Compare models/models.lock with what the server holds, of all models or of those named.

    A sync writes the lock; a tag that has moved since is reported and stays locked until --update
    accepts it. A model that is not as its Modelfile says is not accepted: sync it first.

    JSON: a list of key, name, state (locked, to be built, moved, not locked, not on the server, not
    in the registry), locked, found (digests), reason.
    """
    if update and check:
        raise UsageError("--update and --check exclude each other", "choose one of them")
    workspace = place.workspace()
    server = hosts.host_of(workspace, os.environ, host)
    if update:
        changed = locking.update(workspace, server, names)
        output.note(f"{MODEL_LOCK} was {'written: commit it' if changed else 'right already'}")
    rows = locking.compare(workspace, server, names)
    if as_json:
        output.json_document([dataclasses.asdict(row) for row in rows])
    else:
        lines = [
            {
                "state": row.state,
                "model": row.key,
                "ollama": row.name,
                "locked": row.locked[7:19],
                "found": row.found[7:19],
                "why": row.reason,
            }
            for row in rows
        ]
        output.table(_COLUMNS, lines, "no model can be locked yet")
    # What is built on a base that was just accepted is built, and locked, by the next sync.
    wrong = [row for row in rows if not row.ok and not (update and row.state == "to be built")]
    return int((check or update) and bool(wrong))
