"""`mlws model history`."""

from __future__ import annotations

import json
from typing import Any

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.models.lifecycle import changing, past
from mlws_scaffold.models.lifecycle.history import Record

_COLUMNS = ("at", "action", "version", "from", "to", "actor", "digest", "commit", "reason")


@click.command(epilog="Example: mlws model history assistant --at 2026-10-19")
@click.argument("name")
@click.option(
    "--at",
    "when",
    metavar="DATE",
    help="What was in production then: a date (its end), or an instant such as "
    "2026-10-19T12:00:00+02:00.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the records as JSON.")
def history(name: str, when: str | None, as_json: bool) -> None:
    """Who moved a model where, when, why, and on what evidence.

    Days are those of [reports] timezone. JSON: a list of at, actor, model, action, version, from,
    to, digest, commit, gates (name, result, seconds, evidence), reason; with --at one of these, or
    null.
    """
    here = place.workspace()
    if unfinished := changing.pending(here):
        output.note(f"note: {unfinished}")
    if when is None:
        records = past.records(here, name)
        if as_json:
            output.json_document([_document(record) for record in records])
        else:
            output.table(_COLUMNS, map(_row, records), f"{name} was never moved")
        return
    found = past.in_production(here, name, when)
    if as_json:
        output.json_document(_document(found) if found else None)
    elif found is None:
        output.line(f"nothing of {name} was in production at {when}")
    else:
        _show(found)


def _show(record: Record) -> None:
    how = "went back from" if record.action == "rollback" else "promoted from"
    output.line(f"{record.model} {record.version} was in production ({record.digest})")
    output.line(f"  since    {record.at.isoformat(timespec='seconds')}")
    output.line(f"  by       {record.actor}, {how} {record.came_from or 'nothing'}")
    output.line(f"  why      {record.reason or '-'}")
    output.line(f"  commit   {record.commit or '-'}")
    for gate in record.gates:
        output.line(f"  gate     {gate.name}: {gate.result}  {_brief(gate.evidence)}".rstrip())


def _brief(evidence: Any) -> str:
    text = json.dumps(evidence, ensure_ascii=False) if evidence else ""
    return text if len(text) <= 100 else f"{text[:97]}..."


def _row(record: Record) -> dict[str, object]:
    return {
        "at": record.at.isoformat(timespec="seconds"),
        "action": record.action,
        "version": record.version,
        "from": record.came_from,
        "to": record.to,
        "actor": record.actor,
        "digest": record.digest[:19],
        "commit": record.commit[:12],
        "reason": record.reason,
    }


def _document(record: Record) -> dict[str, Any]:
    return record.model_dump(mode="json", by_alias=True)
