"""`mlws agent history`."""

from __future__ import annotations

import click

from mlws_scaffold.cli import output, place

_COLUMNS = ("at", "environment", "action", "version", "from", "result", "by", "seconds", "reason")


@click.command(epilog="Example: mlws agent history helper --json")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print the records as JSON.")
def history(name: str, as_json: bool) -> int:
    """Who deployed which version of the agent NAME when, on what evidence, and how it ended.

    Reads agents/production/NAME/deployments.jsonl, which follows what the targets hold.

    JSON: a list of id, agent, environment, action (deploy, rollback), at, seconds, by, version,
    from, commit, digest, model, model_digest, gates, steps (what was measured in each stage),
    result (done, aborted), reason.
    """
    from mlws_scaffold.agents.deploying import ledger
    from mlws_scaffold.cli.commands import deploying as shared

    records = ledger.load(shared.site(place.workspace(), name, "production"))
    if as_json:
        output.json_document(records)
        return 0
    output.table(_COLUMNS, records, f"{name} was never deployed")
    for record in records:
        for step in record.get("steps", []):
            said = (
                f"{record['version']} at {step['percent']} %: {step['verdict']}, {step['reason']}"
            )
            output.line(f"  {said}")
    return 0
