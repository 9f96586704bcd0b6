"""`mlws agent release`."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from mlws_scaffold.agents import catalog
from mlws_scaffold.agents.delivery import release as releasing
from mlws_scaffold.cli import output, place


@click.command(epilog="Example: mlws agent release helper --bump minor --dry-run")
@click.argument("name")
@click.option(
    "--bump",
    type=click.Choice(releasing.PARTS),
    required=True,
    help="major: callers must change something; minor: it can more; patch: it does it right.",
)
@click.option("--dry-run", is_flag=True, help="Write nothing; show what would change.")
@click.option("--json", "as_json", is_flag=True, help="Print what was released as JSON.")
def release(name: str, bump: str, dry_run: bool, as_json: bool) -> int:
    """Give the production agent NAME its next version, in pyproject.toml, uv.lock, CHANGELOG.md.

    What stands below `## Unreleased` becomes the section of the new version. Refused while the
    agent's files are not committed, while nothing is unreleased, and while nothing changed since
    the tag of the present version. Commit it and bring it to main: the tag is made there.

    JSON: agent, before, version, tag, files, written (false with --dry-run).
    """
    here = place.workspace()
    found = catalog.find(here.layout, name)
    planned = releasing.plan(here, found, bump, datetime.now(UTC).date())
    if not dry_run:
        releasing.write(found.folder, planned)
    if as_json:
        document = {
            "agent": planned.name,
            "before": planned.before,
            "version": planned.version,
            "tag": planned.tag,
            "files": [here.layout.relative(found.folder / one) for one in planned.texts],
            "written": not dry_run,
        }
        output.json_document(document)
        return 0
    if dry_run:
        output.line(planned.difference.rstrip("\n"))
        return 0
    output.line(f"{planned.name}: {planned.before} -> {planned.version}")
    folder = here.layout.relative(found.folder)
    output.note(
        f"now: git add {folder} && git commit -m 'Release {planned.name} {planned.version}'"
    )
    output.note(f"after the merge to main, mlws ci tag-agents makes {planned.tag}, which deploys")
    return 0
