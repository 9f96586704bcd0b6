"""`mlws model`: list, sync."""

from __future__ import annotations

import dataclasses
import os

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.cli.commands import pulls
from mlws_scaffold.models import registry, sync

_COLUMNS = ("key", "ollama", "source", "version", "status", "live", "owners")


@click.group()
def model() -> None:
    """Models of the registry."""


@model.command("list", epilog="Example: mlws model list --json")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def list_models(as_json: bool) -> None:
    """List the models of models/registry.yaml.

    JSON: a list of key, ollama, source, version, status, live, owners.
    """
    models = registry.load(place.workspace().layout).models
    rows = [
        {
            "key": key,
            "ollama": found.name_in_ollama(key),
            "source": found.source,
            "version": found.version,
            "status": found.status,
            "live": found.live.version if found.live else "not recorded",
            "owners": found.owners,
        }
        for key, found in models.items()
    ]
    if as_json:
        output.json_document(rows)
    else:
        output.table(_COLUMNS, rows, "no models yet: mlws-new model NAME")


@model.command("sync", epilog="Example: mlws model sync llama3.1-8b --dry-run")
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
    models = sync.select(registry.load(workspace.layout), names)
    server = sync.host_of(workspace, os.environ, host)
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
