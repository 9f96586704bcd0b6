"""`mlws gpu queue`."""

from __future__ import annotations

import time

import click

from mlws_scaffold.cli import output, place

_COLUMNS = ("id", "person", "gpus", "host", "for", "turn")
_LOOK_SECONDS = 10


@click.command(epilog="Example: mlws gpu queue --gpus 2 --for 4h --wait")
@click.option("--gpus", "count", type=click.IntRange(1), default=1, help="Any N of one host.")
@click.option("--for", "span", default="", metavar="SPAN", help="Take a place, for so long.")
@click.option("--host", default="", help="Only there.")
@click.option("--purpose", default="", help="What for; others see it.")
@click.option("--wait", is_flag=True, help="Wait here until the turn comes, and claim it.")
@click.option("--claim", is_flag=True, help="Make the hold a reservation when the turn came.")
@click.option("--leave", is_flag=True, help="Give up your place.")
@click.option("--researcher", default="", help="Your handle (default: by git e-mail).")
def queue(
    count: int,
    span: str,
    host: str,
    purpose: str,
    wait: bool,
    claim: bool,
    leave: bool,
    researcher: str,
) -> int:
    """Show the queue; with --for take a place in it.

    When the turn comes, the GPUs are held for ten minutes: claim them with --claim, or by
    mlws gpu run. Exits with 1 when --claim comes before the turn.
    """
    from mlws_scaffold.gpus.reservations import opening, times, waiting
    from mlws_scaffold.gpus.reservations.values import Wish

    with opening.desk(place.workspace(), researcher, output.note) as desk:
        if leave:
            output.line(f"{waiting.leave(desk).person} left the queue")
            return 0
        if span:
            now = desk.store.now()
            ends = now + times.span(span)
            waiting.join(desk, Wish(now, ends, count=count, host=host, purpose=purpose))
        waiting.tidy(desk)
        if claim or wait:
            while (mine := waiting.claim(desk)) is None:
                if not wait:
                    output.line("the turn has not come yet")
                    return 1
                time.sleep(_LOOK_SECONDS)
            gpus = ", ".join(gpu.text for gpu in mine.gpus)
            output.line(f"reservation {mine.id}: {gpus} until {times.when(mine.ends)}")
            return 0
        rows = [
            {
                "id": ticket.id,
                "person": ticket.person,
                "gpus": ticket.wanted,
                "host": ticket.host,
                "for": times.long(ticket.seconds),
                "turn": f"held as {ticket.hold}" if ticket.hold else "waits",
            }
            for ticket in waiting.tickets(desk.store)
        ]
    output.table(_COLUMNS, rows, "nobody waits")
    return 0
