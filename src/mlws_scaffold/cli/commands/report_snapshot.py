"""`mlws report snapshot`."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from mlws_scaffold.cli import output, place


@click.command("snapshot", epilog="Example: mlws report snapshot --since 7d --json")
@click.option("--since", default="7d", metavar="WHEN", help="7d, 12h, yesterday or a date.")
@click.option("--only", multiple=True, metavar="SECTION", help="Only this section; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def snapshot(since: str, only: tuple[str, ...], as_json: bool) -> int:
    """Look at everything that the reports are made from, and say what could not be measured.

    Exits with 0 whatever could not be measured: the snapshot says so itself.

    JSON: version, at, zone, since, workspace, commit, and sections by name, each with source, ok,
    why, notes and data; .mlws/schemas/snapshot.json has the data of each.
    """
    from mlws_scaffold.experiments import journal
    from mlws_scaffold.team.snapshot import collect
    from mlws_scaffold.team.snapshot.period import Period

    here = place.workspace()
    now, zone = datetime.now(UTC), here.config.reports.timezone
    period = Period(journal.since(since, zone, now), now, zone)
    found = collect.build(here, period, collect.chosen(only))
    if as_json:
        output.json_document(found)
        return 0
    rows = [
        {"section": name, "entries": collect.size(one), "source": one["source"], "why": one["why"]}
        for name, one in found["sections"].items()
    ]
    output.table(("section", "entries", "source", "why"), rows, "no section was asked for")
    for name, one in found["sections"].items():
        for remark in one["notes"]:
            output.note(f"{name}: {remark}")
    return 0
