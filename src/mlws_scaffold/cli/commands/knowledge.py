"""`mlws knowledge sync`."""

from __future__ import annotations

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.errors import UsageError
from mlws_scaffold.scaffold.knowledge import sync as syncing


@click.group()
def knowledge() -> None:
    """What the team wrote down: bring its indexes in step."""


@knowledge.command(epilog="Example: mlws knowledge sync")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 when an index is behind.")
@click.option("--dry-run", "dry", is_flag=True, help="Write nothing; name what would change.")
def sync(check: bool, dry: bool) -> int:
    """Write the generated parts of docs: indexes, progress, and a page for each new person.

    Decisions and learnings are listed in the README beside them, the experiments of all branches
    in docs/memory/progress.md. Only what stands between the marks changes. --check ignores the
    progress page, which every branch has otherwise.
    """
    if check and dry:
        raise UsageError("--check and --dry-run exclude each other", "choose one of them")
    here = place.workspace()
    planned = syncing.plan(here) if check or dry else syncing.apply(here)
    paths = planned.behind if check else planned.paths
    for path in paths:
        output.line(f"{path} {'is behind' if check else 'would be written' if dry else 'written'}")
    if not paths:
        output.line("all is as it should be")
    return int(check and bool(paths))
