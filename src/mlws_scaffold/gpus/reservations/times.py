"""Moments and spans as people type them, in their own time zone; instants are seconds since 1970.

A local time that a change of clocks gives twice or not at all is refused with its readings.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mlws_scaffold.errors import UsageError

_SPAN = re.compile(r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+)m(?:in)?)?")
_CLOCK = re.compile(r"\d{1,2}:\d{2}")
_FORMS = "14:00, 'tomorrow 9:00', '2026-11-30 14:00' or 2026-11-30T14:00+01:00"
_LOCALTIME = Path("/etc/localtime")


def span(text: str) -> int:
    """Seconds of `4h`, `90m`, `1h30m`, `2d`. Raises UsageError."""
    match = _SPAN.fullmatch(text.strip().replace(" ", ""))
    if not text.strip() or match is None:
        raise UsageError(f"{text!r} is no span of time", "write it as 4h, 90m, 1h30m or 2d")
    days, hours, minutes = (float(part or 0) for part in match.groups())
    seconds = int((days * 24 + hours) * 3600 + minutes * 60)
    if seconds <= 0:
        raise UsageError(f"{text!r} is no time at all", "write it as 4h, 90m, 1h30m or 2d")
    return seconds


def zone() -> tzinfo:
    """The user's zone: $TZ, else that of the machine."""
    name = os.environ.get("TZ", "").lstrip(":")
    if not name and _LOCALTIME.is_symlink():
        name = str(_LOCALTIME.resolve()).partition("zoneinfo/")[2]
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError):
        raise UsageError(
            f"the time zone {name!r} is not known here",
            "set TZ to a name such as Europe/Berlin",
        ) from None


def moment(text: str, now: int, where: tzinfo) -> int:
    """The instant of `now`, a time of day (today's), a day and time, or an ISO time with offset.

    Raises UsageError for what is none, and for local times that there are twice or never.
    """
    words = text.strip()
    if words == "now":
        return now
    today = datetime.fromtimestamp(now, where).date()
    day, _, clock = words.rpartition(" ")
    if day in ("today", "tomorrow", "") and _CLOCK.fullmatch(clock):
        chosen = today + timedelta(days=day == "tomorrow")
        return _instant(_combined(chosen, clock, text), where)
    try:
        given = datetime.fromisoformat(words.replace("Z", "+00:00"))
    except ValueError:
        raise UsageError(f"{text!r} is no time", f"write it as {_FORMS}") from None
    return _instant(given, where)


def _combined(day: date, clock: str, text: str) -> datetime:
    try:
        return datetime.combine(day, time.fromisoformat(clock.zfill(5)))
    except ValueError:
        raise UsageError(f"{text!r} is no time of day", f"write it as {_FORMS}") from None


def _instant(given: datetime, where: tzinfo) -> int:
    if given.tzinfo is not None:
        return int(given.timestamp())
    first, second = (given.replace(tzinfo=where, fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return int(first.timestamp())
    readings = [f"{_with_offset(reading.astimezone(UTC), where)}" for reading in (first, second)]
    there = [datetime.fromtimestamp(int(r.timestamp()), where) for r in (first, second)]
    never = any(found.replace(tzinfo=None) != given for found in there)
    what = "does not exist" if never else "comes twice"
    raise UsageError(
        f"{given:%Y-%m-%d %H:%M} {what} in {where}: the clocks change then",
        f"write which one you mean: {readings[0]} or {readings[1]}",
    )


def _with_offset(instant: datetime, where: tzinfo) -> str:
    return instant.astimezone(where).isoformat(timespec="minutes")


def local(instant: int, where: tzinfo) -> str:
    """`2026-11-30 14:00`, to the minute."""
    return f"{datetime.fromtimestamp(instant, where):%Y-%m-%d %H:%M}"


def when(instant: int) -> str:
    """`2026-11-30 14:00 CET`: a moment in a message, in the user's zone."""
    return f"{datetime.fromtimestamp(instant, zone()):%Y-%m-%d %H:%M %Z}"


def until(instant: int, now: int, where: tzinfo) -> str:
    """`14:00` of today, `Tue 14:00` within six days, else with the date."""
    then, today = datetime.fromtimestamp(instant, where), datetime.fromtimestamp(now, where)
    if then.date() == today.date():
        return f"{then:%H:%M}"
    near = 0 < (then.date() - today.date()).days < 7
    return f"{then:%a %H:%M}" if near else local(instant, where)


def iso(instant: int) -> str:
    """`2026-11-30T13:00:00Z`, for files and JSON."""
    return f"{datetime.fromtimestamp(instant, UTC):%Y-%m-%dT%H:%M:%SZ}"


def long(seconds: int) -> str:
    """`4 h`, `1 h 30 min`, `2 d 3 h`: a span, to the minute."""
    minutes = max(0, seconds) // 60
    parts = ((minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "min"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 min"


def interval(begins: str, until: str, length: str, now: int) -> tuple[int, int]:
    """Beginning and end of `--from`, `--until`, `--for`. Raises UsageError."""
    start = moment(begins, now, zone())
    return start, end(start, until, length, now)


def end(start: int, until: str, length: str, now: int) -> int:
    """The end: a moment, or a span after `start`; one of the two. Raises UsageError."""
    if bool(until) == bool(length):
        raise UsageError("give either --until or --for", "for example --for 4h")
    return moment(until, now, zone()) if until else start + span(length)
