"""`mlws ci tag-agents`."""

from __future__ import annotations

import dataclasses
import json

import click

from mlws_scaffold.agents.delivery import tagging
from mlws_scaffold.cli import output, place
from mlws_scaffold.errors import UsageError

_WORKFLOW = "deploy-production.yml"
_COLUMNS = ("tag", "version", "commit", "state")


@click.command(epilog="Example: mlws ci tag-agents --push --dry-run")
@click.option("--push", is_flag=True, help="Push the tags, and know those of the remote.")
@click.option("--remote", default="origin", metavar="NAME", help="Where to (default: origin).")
@click.option("--dry-run", is_flag=True, help="Make and push nothing; say what would be.")
@click.option("--github", is_flag=True, help="Print lines for the file $GITHUB_OUTPUT.")
@click.option("--json", "as_json", is_flag=True, help="Print the tags as JSON.")
def tag_agents(push: bool, remote: str, dry_run: bool, github: bool, as_json: bool) -> int:
    """Tag each production agent in HEAD whose version has no tag yet: agents/NAME/vX.Y.Z.

    For the main branch, after the merge. A tag that is there is left alone, one that names another
    version is refused. A tag that a workflow pushes starts no other workflow, so what to start is
    printed: start deploy-production for each.

    JSON: tags: [name, agent, version, commit, state (new, not pushed, there,
    no lock)], dispatch: a list of
    workflow, ref. With --github: the line tags=[NAMES] of those to deploy.
    """
    if github and as_json:
        raise UsageError("--json and --github exclude each other", "choose one")
    here, where = place.workspace(), remote if push else ""
    tags = tagging.plan(here, remote=where)
    if not dry_run:
        tagging.make(here, tags, remote=where)
    fresh = [tag for tag in tags if tag.due]
    for tag in tags:
        if tag.state == "no lock":
            output.note(f"warning: {tag.agent} has no committed uv.lock: {tag.name} is not made")
    if as_json:
        dispatch = [{"workflow": _WORKFLOW, "ref": tag.name} for tag in fresh]
        output.json_document(
            {"tags": [dataclasses.asdict(tag) for tag in tags], "dispatch": dispatch}
        )
    elif github:
        output.line(f"tags={json.dumps([tag.name for tag in fresh])}")
        output.note(f"{len(fresh)} to deploy, {len(tags) - len(fresh)} tagged before")
    else:
        rows = [
            {"tag": tag.name, **dataclasses.asdict(tag), "commit": tag.commit[:12]} for tag in tags
        ]
        output.table(_COLUMNS, rows, "no production agent here")
        for tag in fresh:
            output.line(f"gh workflow run {_WORKFLOW} --ref {tag.name}")
    return 0
