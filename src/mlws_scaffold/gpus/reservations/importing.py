"""Bringing in the reservations of the original article: a JSON file with naive local times."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

from mlws_scaffold.errors import InvalidFile, Problem, UsageError
from mlws_scaffold.gpus import store
from mlws_scaffold.gpus.reservations import choosing, log, reading, times
from mlws_scaffold.gpus.reservations.choosing import Entry
from mlws_scaffold.gpus.reservations.values import BOOKING, Desk, Gpu, Wish
from mlws_scaffold.gpus.store import Overlap

_KEYS = ("gpu_id", "user", "start_time", "end_time")


@dataclass(frozen=True, slots=True)
class Row:
    """A reservation of the file, and what became of it: imported, past, overlap, there."""

    number: int
    person: str
    gpu: Gpu
    begins: int
    ends: int
    purpose: str
    result: str = ""


def read(path: Path, gpus: list[Gpu], here: str, clock: tuple[tzinfo, int]) -> list[Row]:
    """The file's reservations. Raises InvalidFile with a problem for each that cannot be read."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise InvalidFile([Problem(str(path), f"is not JSON: {error}")]) from None
    listed = data.get("reservations") if isinstance(data, Mapping) else None
    if not isinstance(listed, list):
        raise InvalidFile([Problem(str(path), "has no list `reservations`")])
    rows, problems = [], []
    for number, given in enumerate(listed):
        try:
            rows.append(_row(number, given, gpus, here, clock))
        except UsageError as error:
            words = f"{error.message} ({error.cure})" if error.cure else error.message
            problems.append(Problem(str(path), words, field=f"reservations[{number}]"))
    if problems:
        raise InvalidFile(problems)
    return rows


def _row(number: int, given: object, gpus: list[Gpu], here: str, clock: tuple[tzinfo, int]) -> Row:
    if not isinstance(given, Mapping) or any(key not in given for key in _KEYS):
        raise UsageError(f"lacks one of {', '.join(_KEYS)}")
    where, now = clock
    return Row(
        number,
        str(given["user"]),
        reading.find_gpu(gpus, str(given["gpu_id"]), here),
        times.moment(str(given["start_time"]), now, where),
        times.moment(str(given["end_time"]), now, where),
        str(given.get("purpose") or ""),
    )


def bring_in(desk: Desk, rows: list[Row], *, dry: bool = False) -> list[Row]:
    """Make each a booking unless it is past, there already, or overlaps another."""
    return [Row(*_fields(row), result=_one(desk, row, dry)) for row in rows]


def _fields(row: Row) -> tuple[int, str, Gpu, int, int, str]:
    return (row.number, row.person, row.gpu, row.begins, row.ends, row.purpose)


def _one(desk: Desk, row: Row, dry: bool) -> str:
    if row.ends <= desk.store.now() or row.ends <= row.begins:
        return "past" if row.ends > row.begins else "no time at all"
    same = reading.on([row.gpu], reading.between(desk.store, row.begins, row.ends))
    if any(
        (item.person, item.begins, item.ends) == (row.person, row.begins, row.ends) for item in same
    ):
        return "there"
    if same or dry:
        return f"overlaps reservation {same[0].id} of {same[0].person}" if same else "would import"
    wish = Wish(row.begins, row.ends, (row.gpu,), purpose=row.purpose)

    def add() -> None:
        number = choosing.insert(desk.store, Entry(row.person, "", BOOKING, wish, wish.given))
        change = log.Change("import", f"reservations[{row.number}] of {row.person}", row.purpose)
        log.write(desk.store, desk.actor, number, change)

    try:
        store.transact(desk.store, add)
    except Overlap:
        return "overlaps another"
    return "imported"
