"""`mlws agent up`."""

from __future__ import annotations

import os

import click

from mlws_scaffold.cli import output, place


@click.command(epilog="Example: mlws agent up helper --gpu --monitoring --dry-run")
@click.argument("name")
@click.argument("more", nargs=-1, type=click.UNPROCESSED)
@click.option("--gpu", is_flag=True, help="Give Ollama the GPUs of this machine.")
@click.option("--monitoring", is_flag=True, help="Also Prometheus, Alertmanager, Grafana.")
@click.option("--dry-run", is_flag=True, help="Only show what would be written and run.")
def up(name: str, more: tuple[str, ...], gpu: bool, monitoring: bool, dry_run: bool) -> int:
    """Build the production agent NAME and start it with its Ollama, in containers on this machine.

    Refuses without uv.lock, with a stale one, and without an API key. With --monitoring the alerts
    follow `slo` of agent.yaml and reach whom [alerts] of mlws.toml names. Options after -- go to
    `docker build`.
    """
    from mlws_scaffold.agents import catalog
    from mlws_scaffold.agents.operations import image, stack

    here = place.workspace()
    found = catalog.find(here.layout, name)
    planned = stack.plan(here, found, stack.Wish(gpu, monitoring), os.environ)
    stack.warn(found, os.environ, output.note)
    if dry_run:
        output.line(image.shown(here, found, planned.image, more))
        for path in planned.written:
            output.line(f"write {here.layout.relative(found.folder / path)}")
        for command in planned.start:
            output.line(command.shown)
        return 0
    status = stack.up(here, found, planned, more)
    if not status:
        output.line(f"{name} is started; next: mlws agent smoke {name}")
    return status
