"""`mlws model list`."""

from __future__ import annotations

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.models import registry

_COLUMNS = ("key", "ollama", "source", "version", "status", "live", "owners")


@click.command("list", epilog="Example: mlws model list --json")
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
