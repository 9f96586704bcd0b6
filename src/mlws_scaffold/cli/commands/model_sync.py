"""`mlws model sync`."""

from __future__ import annotations

import dataclasses
import os

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.cli.commands import pulls
from mlws_scaffold.models import hosts, registry, sync


@click.command("sync", epilog="Example: mlws model sync llama3.1-8b --dry-run")
@click.argument("names", nargs=-1)
@click.option("--dry-run", is_flag=True, help="Only say what would be pulled.")
@click.option(
    "--host", default="", metavar="URL", help="Another Ollama server than this machine's."
)
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def sync_models(names: tuple[str, ...], dry_run: bool, host: str, as_json: bool) -> int:
    """Pull the models that the Ollama server lacks: all of the registry, or those named by key.

    JSON: a list of key, name, state (present, missing, pulled, failed, drift, not built), detail,
    cure.
    """
    workspace = place.workspace()
    models = registry.select(registry.load(workspace.layout), names)
    server = hosts.host_of(workspace, os.environ, host)
    results = []
    with pulls.watching() as watch:
        found = sync.plan(server, models) if dry_run else sync.sync(server, models, watch)
        for result in found:
            results.append(result)
            if not as_json:
                _show(result, dry_run)
    if as_json:
        output.json_document([dataclasses.asdict(result) for result in results])
    pending = ("missing",) if dry_run else ()
    return int(not all(result.ok or result.state in pending for result in results))


def _show(result: sync.Result, dry_run: bool) -> None:
    state = "would pull" if dry_run and result.state == "missing" else result.state
    name = f" ({result.name})" if result.name != result.key else ""
    output.line(f"{state:<10} {result.key}{name}{': ' if result.detail else ''}{result.detail}")
    if result.cure and not dry_run:
        output.line(f"           -> {result.cure}")
