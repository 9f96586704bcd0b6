"""Reservations of GPUs as a calendar: a row for each GPU, a column for each of the next seven days.

Days are those of the team's time zone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mlws_scaffold.team.dashboard import words

_DAYS = 7
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Booking:
    """The part of a reservation that lies in one day. `left` and `wide` are hours of that day."""

    who: str
    times: str
    purpose: str
    experiment: str
    left: float
    wide: float


@dataclass(frozen=True, slots=True)
class Row:
    """One GPU: its bookings by day, and of its past ones the hours reserved and used."""

    host: str
    gpu: str
    name: str
    days: Sequence[Sequence[Booking]]
    reserved: float
    used: float | None


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days as they are called, the GPUs, who waits; `reserved` counts what the rows show."""

    days: Sequence[str]
    rows: Sequence[Row]
    queue: Sequence[Mapping[str, Any]]
    reserved: int


def weeks(data: Mapping[str, Any], snapshot: Mapping[str, Any]) -> Calendar:
    """The calendar from the day of the snapshot on."""
    zone = _zone(snapshot["zone"])
    at = words.seconds(snapshot["at"]) or 0
    first = datetime.fromtimestamp(at, UTC).astimezone(zone).date()
    days = [first + timedelta(days=number) for number in range(_DAYS)]
    reservations = data.get("reservations", ())
    names = {(one.get("host"), str(one.get("index"))): one for one in data.get("devices", ())}
    for one in reservations:
        names.setdefault((one.get("host"), str(one.get("gpu"))), {})
    rows = [
        _row(key, device, reservations, days, zone)
        for key, device in sorted(names.items(), key=lambda item: (str(item[0][0]), item[0][1]))
    ]
    return Calendar(
        [f"{day:%a} {day.day} {day:%b}" for day in days],
        rows,
        data.get("queue", ()),
        sum(len(bookings) for row in rows for bookings in row.days),
    )


def _row(
    key: tuple[Any, str],
    device: Mapping[str, Any],
    reservations: Sequence[Mapping[str, Any]],
    days: Sequence[date],
    zone: ZoneInfo,
) -> Row:
    host, gpu = key
    own = [one for one in reservations if (one.get("host"), str(one.get("gpu"))) == key]
    measured = [
        (one, hours) for one in own if one.get("used") is not None and (hours := _hours(one))
    ]
    total = sum(hours for _, hours in measured)
    used = sum(one["used"] * hours for one, hours in measured) / total if total else None
    return Row(
        words.clean(host, 60),
        words.clean(gpu, 20),
        words.clean(device.get("name"), 60),
        [_day(own, day, zone) for day in days],
        total,
        used,
    )


def _hours(one: Mapping[str, Any]) -> float:
    begins, ends = words.seconds(one.get("from")), words.seconds(one.get("until"))
    return 0.0 if begins is None or ends is None else max(0.0, (ends - begins) / _HOUR)


def _day(own: Sequence[Mapping[str, Any]], day: date, zone: ZoneInfo) -> list[Booking]:
    """What lies in the day, the earliest first."""
    start = datetime.combine(day, time(), zone)
    begin = start.timestamp()
    end = datetime.combine(day + timedelta(days=1), time(), zone).timestamp()
    found = []
    for one in own:
        since, until = words.seconds(one.get("from")), words.seconds(one.get("until"))
        if since is None or until is None or until <= begin or since >= end:
            continue
        left, right = max(since, begin), min(until, end)
        times = f"{_clock(left, zone)}–{'24:00' if right == end else _clock(right, zone)}"
        found.append(
            Booking(
                words.clean(one.get("who"), 40) or "nobody named",
                times,
                words.clean(one.get("purpose"), 120),
                words.clean(one.get("experiment"), 80),
                round((left - begin) * 24 / (end - begin), 3),
                round((right - left) * 24 / (end - begin), 3),
            )
        )
    return sorted(found, key=lambda booking: booking.left)


def _clock(instant: float, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(instant, zone):%H:%M}"


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
