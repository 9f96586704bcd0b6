"""`mlws gpu queue`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from mlws_scaffold.cli import output, place

if TYPE_CHECKING:
    from mlws_scaffold.gpus.reservations.values import Desk
    from mlws_scaffold.gpus.reservations.waiting import Ticket

_COLUMNS = ("id", "person", "gpus", "host", "for", "turn")
_LOOK_SECONDS = 10


@click.command(epilog="Example: mlws gpu queue --gpus 2 --for 4h --wait")
@click.option("--gpus", "count", type=click.IntRange(1), default=1, help="Any N of one host.")
@click.option("--for", "span", default="", metavar="SPAN", help="Take a place, for so long.")
@click.option("--min-memory", default="", metavar="SIZE", help="At least, such as 40GB.")
@click.option("--host", default="", help="Only there.")
@click.option("--purpose", default="", help="What for; others see it.")
@click.option("--wait", is_flag=True, help="Wait here until the turn comes, and claim it.")
@click.option("--claim", is_flag=True, help="Make the hold a reservation when the turn came.")
@click.option("--leave", is_flag=True, help="Give up your place.")
@click.option("--researcher", default="", help="Your handle (default: by git e-mail).")
@click.option("--dry-run", "dry", is_flag=True, help="Only say what would be.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def queue(
    count: int,
    span: str,
    min_memory: str,
    host: str,
    purpose: str,
    wait: bool,
    claim: bool,
    leave: bool,
    researcher: str,
    dry: bool,
    as_json: bool,
) -> int:
    """Show the queue; with --for take a place in it.

    When the turn comes, the GPUs are held for ten minutes: claim them with --claim, or by
    mlws gpu run. Exits with 1 when --claim comes before the turn.

    JSON: a list of id, person, gpus, memory (bytes), host, seconds, hold (the number, or null);
    with --claim or --wait the reservation as in mlws gpu list.
    """
    from mlws_scaffold.errors import UsageError
    from mlws_scaffold.gpus.reservations import opening, times, waiting
    from mlws_scaffold.gpus.reservations.values import Wish

    if dry and wait:
        raise UsageError("--wait waits for what --dry-run does not do", "leave out one of them")
    size = opening.size(min_memory) if min_memory else 0
    with opening.desk(place.workspace(), researcher, output.note, dry=dry) as desk:
        if leave:
            output.line(f"{waiting.leave(desk).person} left the queue")
            return 0
        if span:
            now = desk.store.now()
            ends = now + times.span(span)
            wish = Wish(now, ends, count=count, memory=size, host=host, purpose=purpose)
            waiting.join(desk, wish)
        waiting.tidy(desk)
        if claim or wait:
            return _claimed(desk, wait=wait, as_json=as_json)
        found = waiting.tickets(desk.store)
    _show(found, as_json=as_json)
    return 0


def _show(found: list[Ticket], *, as_json: bool) -> None:
    from mlws_scaffold.gpus.reservations import times

    if as_json:
        output.json_document([ticket.shape() for ticket in found])
        return
    rows = [
        {
            "id": ticket.id,
            "person": ticket.person,
            "gpus": ticket.wanted,
            "host": ticket.host,
            "for": times.long(ticket.seconds),
            "turn": f"held as {ticket.hold}" if ticket.hold else "waits",
        }
        for ticket in found
    ]
    output.table(_COLUMNS, rows, "nobody waits")


def _claimed(desk: Desk, *, wait: bool, as_json: bool) -> int:
    from mlws_scaffold.gpus.reservations import times, waiting

    while (mine := waiting.claim(desk)) is None:
        if not wait:
            output.line("the turn has not come yet")
            return 1
        time.sleep(_LOOK_SECONDS)
    if as_json:
        output.json_document(mine.shape(desk.store.now()))
    else:
        gpus = ", ".join(gpu.text for gpu in mine.gpus)
        output.line(f"reservation {mine.id}: {gpus} until {times.when(mine.ends)}")
    return 0
