"""`mlws gpu list` and `mlws gpu log`."""

from __future__ import annotations

from pathlib import Path

import click

from mlws_scaffold.cli import output, place

_COLUMNS = ("id", "person", "gpus", "from", "until", "state", "purpose")
_LOG = ("at", "who", "reservation", "action", "detail", "reason")


@click.command("list", epilog="Example: mlws gpu list --calendar")
@click.option("--calendar", is_flag=True, help="The next seven days as bars.")
@click.option("--ics", type=click.Path(path_type=Path, dir_okay=False), help="Write a calendar.")
@click.option("--all", "every", is_flag=True, help="Also what is over.")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def list_reservations(calendar: bool, ics: Path | None, every: bool, as_json: bool) -> int:
    """List the reservations, in your own time zone.

    JSON: a list of id, person, login, kind, state, begins, ends, gpus (host, index, uuid, name),
    purpose, experiment, lease.
    """
    from mlws_scaffold.gpus.reservations import opening, reading, times

    here = place.workspace()
    with opening.opened(here) as store:
        if reading.unsettled(store):
            from mlws_scaffold.gpus.reservations import waiting

            waiting.tidy(opening.onlooker(here, store))
        now = store.now()
        found = reading.since(store, -1 if every else now)
        known = reading.known_gpus(store)
    where = times.zone()
    if not every:
        found = [item for item in found if item.state(now) in ("pending", "active")]
    if ics:
        from mlws_scaffold.gpus.reservations import calendar as calendars

        calendars.save(ics, found, now)
        output.line(f"wrote {ics}")
    elif as_json:
        output.json_document([item.shape(now) for item in found])
    elif calendar:
        from mlws_scaffold.gpus.reservations import calendar as calendars

        for line in calendars.bars(known, found, now, where):
            output.line(line)
    else:
        rows = [
            {
                "id": item.id,
                "person": item.person,
                "gpus": [gpu.text for gpu in item.gpus],
                "from": times.local(item.begins, where),
                "until": times.local(item.ends, where),
                "state": item.kind if item.kind != "booking" else item.state(now),
                "purpose": item.purpose or item.experiment,
            }
            for item in found
        ]
        output.table(_COLUMNS, rows, "nothing is reserved")
    return 0


@click.command("log", epilog="Example: mlws gpu log --json")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def show_log(as_json: bool) -> int:
    """Show the last changes of reservations, oldest first.

    JSON: a list of at, who, login, host, reservation, action, detail, reason.
    """
    from mlws_scaffold.gpus.reservations import log, opening, times

    with opening.opened(place.workspace()) as store:
        rows = [
            {
                "at": times.iso(entry.at),
                "who": entry.actor,
                "login": entry.login,
                "host": entry.host,
                "reservation": entry.reservation,
                "action": entry.action,
                "detail": entry.detail,
                "reason": entry.reason,
            }
            for entry in log.read(store)
        ]
    if as_json:
        output.json_document(rows)
    else:
        output.table(_LOG, rows, "nothing was changed yet")
    return 0
