"""`mlws agent serve`."""

from __future__ import annotations

import click

from mlws_scaffold.cli import output, place


@click.command(epilog="Example: mlws agent serve helper --model fake --port 8010")
@click.argument("name")
@click.option(
    "--model",
    default="",
    metavar="NAME",
    help="Another model than that of agent.yaml; `fake` echoes and needs no Ollama.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
def serve(name: str, model: str, host: str, port: int) -> int:
    """Let the agent NAME answer over HTTP on this machine, until Ctrl-C.

    A prototype runs under the very server files that a production agent ships, in this environment
    (the extra `serve`); a production agent runs in its own environment.
    """
    from mlws_scaffold.agents import catalog
    from mlws_scaffold.agents.serving import serve as serving
    from mlws_scaffold.scaffold import bundle

    here = place.workspace()
    found = catalog.find(here.layout, name)
    server = bundle.folder() / "templates/agent/src/agent"
    wish = serving.Wish(model, host, port)
    return serving.serve(here.root, found, server, wish, output.note)
