"""Reservations as others read them: an iCalendar file (RFC 5545), and bars over the days."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

from mlws_scaffold.adapters import files
from mlws_scaffold.gpus.reservations.values import Gpu, Reservation

_LINE = 73


def ics(found: Iterable[Reservation], now: int) -> str:
    """One event for each reservation that was not given up before it began."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//mlws-scaffold//reservations//EN"]
    for item in found:
        gpus = ", ".join(gpu.text for gpu in item.gpus)
        if not gpus:
            continue
        lines += [
            "BEGIN:VEVENT",
            f"UID:reservation-{item.id}-{item.made}@mlws",
            f"DTSTAMP:{_stamp(now)}",
            f"DTSTART:{_stamp(item.begins)}",
            f"DTEND:{_stamp(item.ends)}",
            f"SUMMARY:{_escaped(f'{item.person}: {gpus}')}",
            f"DESCRIPTION:{_escaped(item.purpose or item.experiment or item.kind)}",
            "END:VEVENT",
        ]
    return "".join(f"{_folded(line)}\r\n" for line in [*lines, "END:VCALENDAR"])


def save(path: Path, found: Iterable[Reservation], now: int) -> None:
    """Write the iCalendar file. Raises MlwsError."""
    files.write(path, ics(found, now))


def _stamp(instant: int) -> str:
    return f"{datetime.fromtimestamp(instant, UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    for sign, written in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\r", ""), ("\n", "\\n")):
        text = text.replace(sign, written)
    return text


def _folded(line: str) -> str:
    """Lines of at most 75 bytes, never cut inside a character."""
    parts, part = [], ""
    for sign in line:
        if len((part + sign).encode()) > _LINE:
            parts.append(part)
            part = ""
        part += sign
    return "\r\n ".join([*parts, part])


def bars(
    gpus: Sequence[Gpu], found: Sequence[Reservation], now: int, where: tzinfo, days: int = 7
) -> list[str]:
    """A line for each GPU, a sign for every three hours; letters name people below."""
    today = datetime.fromtimestamp(now, where).replace(hour=0, minute=0, second=0, microsecond=0)
    starts = [today + timedelta(days=day) for day in range(days)]
    people = sorted({item.person for item in found if item.gpus})
    letters = {person: chr(ord("A") + number % 26) for number, person in enumerate(people)}
    width = max((len(gpu.text) for gpu in gpus), default=3)
    lines = [" ".join(["GPU".ljust(width), *(f"{day:%a %d}".ljust(8) for day in starts)]).rstrip()]
    for gpu in gpus:
        cells = []
        for day in starts:
            edges = [int((day + timedelta(hours=3 * part)).timestamp()) for part in range(9)]
            cells.append(
                "".join(
                    _sign(gpu, found, (edges[part], edges[part + 1]), letters) for part in range(8)
                )
            )
        lines.append(" ".join([gpu.text.ljust(width), *cells]))
    if people:
        lines.append(", ".join(f"{letter} {person}" for person, letter in letters.items()))
    return lines


def _sign(
    gpu: Gpu, found: Sequence[Reservation], during: tuple[int, int], letters: dict[str, str]
) -> str:
    for item in found:
        if item.begins < during[1] and item.ends > during[0] and gpu in item.gpus:
            return letters[item.person]
    return "."
