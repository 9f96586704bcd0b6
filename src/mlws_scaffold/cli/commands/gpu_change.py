"""`mlws gpu extend`, `release`, `transfer`."""

from __future__ import annotations

import click

from mlws_scaffold.cli import output, place

_WHO = click.option("--researcher", default="", help="Your handle (default: by git e-mail).")
_WHY = click.option("--reason", default="", metavar="TEXT", help="Why; kept in the log.")


@click.command(epilog="Example: mlws gpu extend 12 --for 2h")
@click.argument("number", type=int)
@click.option("--for", "span", default="", metavar="SPAN", help="So much longer than now planned.")
@click.option("--until", default="", metavar="TIME", help="End then, later or earlier.")
@_WHY
@_WHO
def extend(number: int, span: str, until: str, reason: str, researcher: str) -> int:
    """Let reservation NUMBER end at another time."""
    from mlws_scaffold.gpus.reservations import changing, opening, reading, times

    with opening.desk(place.workspace(), researcher, output.note) as desk:
        found = reading.one(desk.store, number)
        ends = times.end(found.ends, until, span, desk.store.now())
        made = changing.extend(desk, number, ends, reason)
    output.line(f"reservation {number} ends {times.when(made.ends)}")
    return 0


@click.command(epilog="Example: mlws gpu release 12")
@click.argument("number", type=int)
@_WHY
@_WHO
def release(number: int, reason: str, researcher: str) -> int:
    """End reservation NUMBER now; one that has not begun is gone."""
    from mlws_scaffold.gpus.reservations import changing, opening

    with opening.desk(place.workspace(), researcher, output.note) as desk:
        changing.release(desk, number, reason)
    output.line(f"reservation {number} is released")
    return 0


@click.command(epilog="Example: mlws gpu transfer 12 sarah --reason 'her run is next'")
@click.argument("number", type=int)
@click.argument("person")
@_WHY
@_WHO
def transfer(number: int, person: str, reason: str, researcher: str) -> int:
    """Give reservation NUMBER to PERSON of the team."""
    from mlws_scaffold.gpus.reservations import changing, opening

    here = place.workspace()
    taker = changing.known_person(person, list(here.config.team))
    with opening.desk(here, researcher, output.note) as desk:
        changing.transfer(desk, number, taker, reason)
    output.line(f"reservation {number} is {taker}'s now")
    return 0
