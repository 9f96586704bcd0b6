"""`mlws gpu list` and `mlws gpu log`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlws_scaffold.cli import output, place

if TYPE_CHECKING:
    from datetime import tzinfo

    from mlws_scaffold.gpus.reservations.values import Reservation
    from mlws_scaffold.gpus.slurm import Booked
    from mlws_scaffold.workspace.config import Workspace

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
    purpose, experiment, lease. Slurm's own, which only Slurm changes, have kind slurm, no id, and
    name, nodes, count.
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
    where, scheduled = times.zone(), _scheduled(here, now, every=every)
    if not every:
        found = [item for item in found if item.state(now) in ("pending", "active")]
    if ics:
        from mlws_scaffold.gpus.reservations import calendar as calendars

        calendars.save(ics, found, now)
        output.line(f"wrote {ics}")
    elif as_json:
        output.json_document(
            [*(item.shape(now) for item in found), *(item.shape(now) for item in scheduled)]
        )
    elif calendar:
        from mlws_scaffold.gpus.reservations import calendar as calendars

        for line in calendars.bars(known, found, now, where):
            output.line(line)
    else:
        rows = [_row(item, where, now) for item in found]
        rows += [_row_of_slurm(item, where, now) for item in scheduled]
        output.table(_COLUMNS, rows, "nothing is reserved")
    return 0


def _row(item: Reservation, where: tzinfo, now: int) -> dict[str, object]:
    from mlws_scaffold.gpus.reservations import times

    return {
        "id": item.id,
        "person": item.person,
        "gpus": [gpu.text for gpu in item.gpus],
        "from": times.local(item.begins, where),
        "until": times.local(item.ends, where),
        "state": item.kind if item.kind != "booking" else item.state(now),
        "purpose": item.purpose or item.experiment,
    }


def _row_of_slurm(item: Booked, where: tzinfo, now: int) -> dict[str, object]:
    from mlws_scaffold.gpus.reservations import times

    return {
        "id": "slurm",
        "person": item.users,
        "gpus": item.what,
        "from": times.local(item.begins, where),
        "until": times.local(item.ends, where),
        "state": item.state(now),
        "purpose": item.name,
    }


def _scheduled(here: Workspace, now: int, *, every: bool) -> list[Booked]:
    """Slurm's own reservations; that it does not answer is only said."""
    from mlws_scaffold.errors import Unavailable
    from mlws_scaffold.gpus import slurm

    try:
        return [item for item in slurm.reservations(here.config) if every or item.ends > now]
    except Unavailable as error:
        output.note(error.message)
        return []


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
