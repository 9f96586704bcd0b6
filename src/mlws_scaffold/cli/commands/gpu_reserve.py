"""`mlws gpu reserve`."""

from __future__ import annotations

import click

from mlws_scaffold.cli import output, place


@click.command(epilog="Example: mlws gpu reserve --gpus 2 --for 4h --purpose 'fine-tuning'")
@click.option("--gpus", "count", type=click.IntRange(1), default=1, help="Any N of one host.")
@click.option("--gpu", "ids", multiple=True, metavar="ID", help="Index, HOST:INDEX or UUID.")
@click.option("--min-memory", default="", metavar="SIZE", help="At least, such as 40GB.")
@click.option("--host", default="", help="Only there.")
@click.option("--from", "begins", default="now", metavar="TIME", help="Default: now.")
@click.option("--until", default="", metavar="TIME", help="Such as 18:00 or 'tomorrow 9:00'.")
@click.option("--for", "span", default="", metavar="SPAN", help="Such as 4h, 90m, 2d.")
@click.option("--purpose", default="", help="What for; others see it.")
@click.option("--experiment", default="", help="The experiment it is for.")
@click.option("--researcher", default="", help="Your handle (default: by git e-mail).")
@click.option("--json", "as_json", is_flag=True, help="Print the reservation as JSON.")
def reserve(
    count: int,
    ids: tuple[str, ...],
    min_memory: str,
    host: str,
    begins: str,
    until: str,
    span: str,
    purpose: str,
    experiment: str,
    researcher: str,
    as_json: bool,
) -> int:
    """Reserve GPUs, all that were asked for or none.

    Times are of your own zone ($TZ, else the machine's). Exits with 1 when they are not free, and
    says who has them, until when, and what is free.

    JSON: id, person, login, kind, state, begins, ends, gpus (host, index, uuid, name), purpose,
    experiment, lease.
    """
    from mlws_scaffold.gpus import looking
    from mlws_scaffold.gpus.reservations import booking, opening, reading, times
    from mlws_scaffold.gpus.reservations.values import Wish

    here = place.workspace()
    with opening.desk(here, researcher, output.note) as desk:
        sights, _trouble = looking.look(here.config)
        reading.remember(desk.store, [sight.gpu for sight in sights])
        known = reading.known_gpus(desk.store)
        now = desk.store.now()
        start, end = times.interval(begins, until, span, now)
        wish = Wish(
            start,
            end,
            given=tuple(reading.find_gpu(known, words, desk.actor.host) for words in ids),
            count=count,
            memory=opening.size(min_memory) if min_memory else 0,
            host=host,
            purpose=purpose,
            experiment=experiment,
            avoid=frozenset(sight.gpu.uuid for sight in sights if sight.busy),
        )
        made = booking.reserve(desk, wish)
    if as_json:
        output.json_document(made.shape(now))
    else:
        gpus = ", ".join(gpu.text for gpu in made.gpus)
        output.line(f"reservation {made.id}: {gpus} until {times.when(made.ends)}")
    return 0
