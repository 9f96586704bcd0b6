"""`mlws gpu import`."""

from __future__ import annotations

from pathlib import Path

import click

from mlws_scaffold.cli import output, place

_COLUMNS = ("row", "person", "gpu", "result")


@click.command("import", epilog="Example: mlws gpu import shared/gpu-reservations.json --dry-run")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--researcher", default="", help="Your handle (default: by git e-mail).")
@click.option("--dry-run", "dry", is_flag=True, help="Only say what would be imported.")
def import_file(file: Path, researcher: str, dry: bool) -> int:
    """Make bookings of FILE, a JSON of reservations with gpu_id, user, start_time, end_time.

    Its times are local and carry no zone: they are read in yours. What is past or there already is
    left out. Exits with 1 when a row overlaps a reservation.
    """
    from mlws_scaffold.gpus.reservations import importing, opening, reading, times

    with opening.desk(place.workspace(), researcher, output.note) as desk:
        known, now = reading.known_gpus(desk.store), desk.store.now()
        rows = importing.read(file, known, desk.actor.host, (times.zone(), now))
        done = importing.bring_in(desk, rows, dry=dry)
    shown = [
        {"row": row.number, "person": row.person, "gpu": row.gpu.text, "result": row.result}
        for row in done
    ]
    output.table(_COLUMNS, shown, "the file holds no reservation")
    return int(any(row.result.startswith("overlaps") for row in done))
