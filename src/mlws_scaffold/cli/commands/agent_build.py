"""`mlws agent build`."""

from __future__ import annotations

import click

from mlws_scaffold.cli import output, place


@click.command(epilog="Example: mlws agent build helper --tag ghcr.io/acme/helper:1.2.0 -- --pull")
@click.argument("name")
@click.argument("more", nargs=-1, type=click.UNPROCESSED)
@click.option("--tag", default="", help="Name of the image (default: NAME:VERSION).")
@click.option("--dry-run", is_flag=True, help="Only show the command.")
def build(name: str, more: tuple[str, ...], tag: str, dry_run: bool) -> int:
    """Build the image of the production agent NAME, from its uv.lock.

    The image says which version and commit it holds; the commit ends with -dirty when the agent has
    uncommitted changes. A missing uv.lock is made; a stale one is refused. Options after -- go to
    docker.
    """
    from mlws_scaffold.agents import catalog, lock
    from mlws_scaffold.agents.operations import image, stack

    here = place.workspace()
    found = catalog.find(here.layout, name)
    image.production(found)
    if not dry_run:
        lock.make_if_missing(found.folder, output.note)
    lock.require_fresh(found.folder)
    made = image.describe(here, found, tag)
    if dry_run:
        output.line(image.shown(here, found, made, more))
        return 0
    status = stack.build(here, found, made, more)
    if not status:
        output.line(f"built {made.tag}: version {made.version}, commit {made.revision}")
    return status
