"""The time that a report is about, in the zone of the team."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mlws_scaffold.errors import UsageError

_MONDAY = 0


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` up to `until`, both in UTC; `zone` is the name of the team's time zone."""

    since: datetime
    until: datetime
    zone: str = "UTC"

    def holds(self, instant: datetime) -> bool:
        """Whether the instant lies in it; the end does not."""
        return self.since <= instant < self.until

    def local(self, instant: datetime) -> datetime:
        """The instant by the clocks of the team."""
        return instant.astimezone(ZoneInfo(self.zone))

    @property
    def seconds(self) -> float:
        return (self.until - self.since).total_seconds()


def standup(now: datetime, zone: str) -> Period:
    """From the beginning of the last working day before today until now.

    On Monday, Sunday and Saturday that is Friday: nothing of the weekend is lost. Days begin at
    midnight of the team, also where the clocks change. Raises UsageError for an unknown zone.
    """
    today = now.astimezone(known(zone)).date()
    back = {_MONDAY: 3, 6: 2}.get(today.weekday(), 1)
    return Period(_midnight(today - timedelta(days=back), zone), now.astimezone(UTC), zone)


def weekly(now: datetime, zone: str) -> Period:
    """The last seven days, from the beginning of the first. Raises UsageError."""
    today = now.astimezone(known(zone)).date()
    return Period(_midnight(today - timedelta(days=7), zone), now.astimezone(UTC), zone)


def known(zone: str) -> ZoneInfo:
    """The zone of that name. Raises UsageError."""
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise UsageError(f"[reports] timezone: no time zone {zone!r}", "such as UTC") from None


def instant(when: datetime) -> str:
    """An instant as it stands in the snapshot: UTC, to the second."""
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def parsed(text: str) -> datetime:
    """The instant of such a text, or of any with a zone; one without is UTC."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
