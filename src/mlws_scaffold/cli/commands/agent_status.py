"""`mlws agent status`."""

from __future__ import annotations

from typing import Any, Literal

import click

from mlws_scaffold.cli import output, place

_COLUMNS = ("agent", "environment", "role", "version", "weight", "health", "busy", "since", "slo")
_HEALTH = {None: None, True: "ready", False: "not ready"}


@click.command(epilog="Example: mlws agent status helper --env staging")
@click.argument("name", required=False, default="")
@click.option("--env", type=click.Choice(["staging", "production"]), default="production")
@click.option("--target", metavar="NAME", default="", help="compose, kubernetes or process.")
@click.option("--json", "as_json", is_flag=True, help="Print the state as JSON.")
def status(name: str, env: Literal["staging", "production"], target: str, as_json: bool) -> int:
    """Which versions of the agent NAME (default: of all) serve, since when, and how they are.

    Asks the target, never git. Exits with 1 when what should serve is not ready, with 4 when a
    target could not be asked.

    JSON: a list of agent, environment, problem, since, under_way (id, action, step, percent, abort;
    or null), slo (latency_p95, error_rate; or null), needed (what a verdict on a new version needs:
    chats, per_second at present, seconds by percent of a stage, null without traffic; or null),
    versions: [role (stable, canary, previous), version, digest, commit, slot, ready, weight, busy,
    status, requests, errors].
    """
    from mlws_scaffold.agents.deploying import status as looking
    from mlws_scaffold.agents.targets import table
    from mlws_scaffold.cli.commands import deploying as shared
    from mlws_scaffold.errors import worst

    here = place.workspace()
    names = [name] if name else [folder.name for folder in here.layout.agents()]
    found = []
    for one in names:
        at = shared.site(here, one, env)
        found.append(looking.look(at, table.target(at, target)))
    documents = [looking.document(one) for one in found]
    if as_json:
        output.json_document(documents)
    else:
        rows = [row for one in documents for row in _rows(one)]
        output.table(_COLUMNS, rows, f"nothing serves {env} yet")
        for document in documents:
            _remarks(document)
    return worst(4 if one.problem else int(one.healthy is False) for one in found)


def _rows(document: dict[str, Any]) -> list[dict[str, object]]:
    slo = document["slo"] or {}
    promised = " ".join(f"{key}={value}" for key, value in slo.items() if value is not None)
    rows = []
    for one in document["versions"]:
        serves = one["role"] == "stable"
        rows.append(
            {
                "agent": document["agent"],
                "environment": document["environment"],
                "role": one["role"],
                "version": one["version"],
                "weight": one["weight"],
                "health": None
                if one["ready"] is None
                else "ready"
                if one["ready"]
                else "not ready",
                "busy": one["busy"],
                "since": document["since"] if serves else None,
                "slo": promised if serves else None,
            }
        )
    return rows


def _remarks(document: dict[str, Any]) -> None:
    who = f"{document['agent']} in {document['environment']}"
    if document["problem"]:
        output.note(f"{who}: {document['problem']}")
    if begun := document["under_way"]:
        word = f"taking it back ({begun['abort']})" if begun["abort"] else begun["step"]
        output.line(f"{who}: {begun['action']} under way, {word}, {begun['percent']} %")
    if needed := document["needed"]:
        output.line(f"{who}: a verdict needs {needed['chats']} chats, {_how_long(needed)}")


def _how_long(needed: dict[str, Any]) -> str:
    if not needed["per_second"]:
        return "and there are none at present"
    times = ", ".join(f"{one} s at {share} %" for share, one in needed["seconds"].items())
    return f"at the present {needed['per_second']} a second about {times}"
