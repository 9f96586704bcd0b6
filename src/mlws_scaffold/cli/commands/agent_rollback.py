"""`mlws agent rollback`."""

from __future__ import annotations

from typing import Literal

import click

from mlws_scaffold.cli import output, place


@click.command(epilog="Example: mlws agent rollback helper --reason 'wrong answers about doses'")
@click.argument("name")
@click.option("--to", default="", metavar="VERSION", help="Default: the version before.")
@click.option("--env", type=click.Choice(["staging", "production"]), default="production")
@click.option("--target", metavar="NAME", default="", help="compose, kubernetes or process.")
@click.option("--reason", default="", metavar="TEXT", help="Why; kept in the record.")
@click.option("--researcher", default="", help="Your handle (default: by git e-mail).")
@click.option("--dry-run", "dry", is_flag=True, help="Only show which version would serve.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def rollback(
    name: str,
    to: str,
    env: Literal["staging", "production"],
    target: str,
    reason: str,
    researcher: str,
    dry: bool,
    as_json: bool,
) -> int:
    """Bring back the version of the agent NAME that served before, at once.

    It is started as it was (its image or environment was kept), must be ready and pass its smoke
    test, and then gets all new requests; running answers end where they are. Neither git nor a gate
    is asked. While a deployment is under way: mlws agent deploy NAME --abort.

    JSON: as mlws agent deploy has it; with --dry-run: agent, environment, version, digest.
    """
    from mlws_scaffold.agents.deploying import deploy as deploying
    from mlws_scaffold.agents.targets import table
    from mlws_scaffold.cli.commands import deploying as shared

    at = shared.site(place.workspace(), name, env)
    where = table.target(at, target)
    if dry:
        release = deploying.before(at, where, to)
        data = {
            "agent": name,
            "environment": env,
            "version": release.version,
            "digest": release.digest,
        }
        if as_json:
            output.json_document(data)
        else:
            output.line(f"{name} {release.version} ({release.digest}) would serve {env}")
        return 0
    with output.for_json(as_json):
        outcome = deploying.rollback(at, where, shared.ways(at, researcher), to, reason)
    return shared.show(at, outcome, as_json)
