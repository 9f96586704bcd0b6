"""`mlws gpu extend`, `release`, `transfer`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mlws_scaffold.cli import output, place

if TYPE_CHECKING:
    from mlws_scaffold.gpus.reservations.values import Reservation

_WHO = click.option("--researcher", default="", help="Your handle (default: by git e-mail).")
_WHY = click.option("--reason", default="", metavar="TEXT", help="Why; kept in the log.")
_DRY = click.option("--dry-run", "dry", is_flag=True, help="Only say what would be.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print the reservation as JSON.")


@click.command(epilog="Example: mlws gpu extend 12 --for 2h")
@click.argument("number", type=int)
@click.option("--for", "span", default="", metavar="SPAN", help="So much longer than now planned.")
@click.option("--until", default="", metavar="TIME", help="End then, later or earlier.")
@_WHY
@_WHO
@_DRY
@_JSON
def extend(
    number: int, span: str, until: str, reason: str, researcher: str, dry: bool, as_json: bool
) -> int:
    """Let reservation NUMBER end at another time.

    JSON: the reservation as in mlws gpu list.
    """
    from mlws_scaffold.gpus.reservations import changing, opening, reading, times

    with opening.desk(place.workspace(), researcher, output.note, dry=dry) as desk:
        found, now = reading.one(desk.store, number), desk.store.now()
        ends = times.end(found.ends, until, span, now)
        made = changing.extend(desk, number, ends, reason)
    _say([made], now, f"reservation {number} ends {times.when(made.ends)}", as_json=as_json)
    return 0


@click.command(epilog="Example: mlws gpu release 12")
@click.argument("number", type=int, required=False)
@click.option("--idle", is_flag=True, help="Those that were idle for [gpus] idle_minutes.")
@_WHY
@_WHO
@_DRY
@_JSON
def release(
    number: int | None, idle: bool, reason: str, researcher: str, dry: bool, as_json: bool
) -> int:
    """End reservation NUMBER now; one that has not begun is gone.

    With --idle: your bookings on this machine whose GPUs every look found without work for so long
    (for a lead, those of others too). Looks are mlws gpu status and this command, so call it from
    cron every few minutes.

    JSON: the reservation as in mlws gpu list; with --idle a list of them.
    """
    from mlws_scaffold.errors import UsageError

    if (number is None) != idle:
        raise UsageError("give a NUMBER, or --idle", "mlws gpu list shows the numbers")
    from mlws_scaffold.gpus import idling
    from mlws_scaffold.gpus.reservations import changing, opening

    here = place.workspace()
    with opening.desk(here, researcher, output.note, dry=dry) as desk:
        now = desk.store.now()
        if number is None:
            gone = idling.release(here, desk)
        else:
            gone = [changing.release(desk, number, reason)]
    if idle and as_json:
        output.json_document([item.shape(now) for item in gone])
        return 0
    said = [f"reservation {item.id} of {item.person} is released" for item in gone]
    _say(gone, now, "\n".join(said) or "no reservation is idle", as_json=as_json)
    return 0


@click.command(epilog="Example: mlws gpu transfer 12 sarah --reason 'her run is next'")
@click.argument("number", type=int)
@click.argument("person")
@_WHY
@_WHO
@_DRY
@_JSON
def transfer(
    number: int, person: str, reason: str, researcher: str, dry: bool, as_json: bool
) -> int:
    """Give reservation NUMBER to PERSON of the team.

    JSON: the reservation as in mlws gpu list.
    """
    from mlws_scaffold.gpus.reservations import changing, opening

    here = place.workspace()
    taker = changing.known_person(person, list(here.config.team))
    with opening.desk(here, researcher, output.note, dry=dry) as desk:
        now = desk.store.now()
        made = changing.transfer(desk, number, taker, reason)
    _say([made], now, f"reservation {number} is {taker}'s now", as_json=as_json)
    return 0


def _say(made: list[Reservation], now: int, words: str, *, as_json: bool) -> None:
    if as_json:
        output.json_document(made[0].shape(now))
    else:
        output.line(words)
