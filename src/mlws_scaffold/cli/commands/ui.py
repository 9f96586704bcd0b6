"""`mlws ui`."""

from __future__ import annotations

import click

from mlws_scaffold.cli import output, place


@click.command(epilog="Example: mlws ui --port 5001")
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Another address lets other machines in, without a password.",
)
def ui(port: int, host: str) -> int:
    """Show the runs in MLflow's own page, until Ctrl-C.

    Needs the extra: mlws-scaffold[ui]. When [tracking] in mlws.toml names a server, the page is
    there, and its address is printed.
    """
    from mlws_scaffold.experiments import ui as page

    page.serve(place.workspace(), host, port, output.note)
    return 0
