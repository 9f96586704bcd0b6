"""The period of a report: days of the team, weekends included, clocks that change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlws_scaffold.errors import UsageError
from mlws_scaffold.team.snapshot import period

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland")
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("now", "begins"),
    [
        ("2026-03-09T08:00", "2026-03-05T23:00"),  # Monday: since Friday at midnight in Berlin
        ("2026-03-10T08:00", "2026-03-08T23:00"),  # Tuesday: since Monday
        ("2026-03-08T08:00", "2026-03-05T23:00"),  # Sunday
        ("2026-03-07T08:00", "2026-03-05T23:00"),  # Saturday
        ("2026-03-08T23:30", "2026-03-05T23:00"),  # it is Monday in Berlin already
        ("2026-03-30T07:00", "2026-03-26T23:00"),  # the clocks went forward in between
        ("2026-10-26T08:00", "2026-10-22T22:00"),  # and back
    ],
)
def test_the_standup_begins_at_the_last_working_day(now: str, begins: str) -> None:
    found = period.standup(datetime.fromisoformat(f"{now}+00:00"), "Europe/Berlin")
    assert period.instant(found.since) == f"{begins}:00Z"


@given(INSTANTS, st.sampled_from(ZONES))
def test_a_standup_every_working_day_misses_nothing(now: datetime, zone: str) -> None:
    found = period.standup(now, zone)
    begin = found.since.astimezone(ZoneInfo(zone))
    assert begin.weekday() < 5
    assert (begin.hour, begin.minute, begin.second) == (0, 0, 0)
    today = now.astimezone(ZoneInfo(zone)).date()
    assert 1 <= (today - begin.date()).days <= 3
    # Whoever reads it once on every working day has read about every moment.
    if today.weekday() < 5:
        before = period.standup(found.since + timedelta(hours=12), zone)
        assert before.until >= found.since
        assert before.since < found.since


@given(INSTANTS, st.sampled_from(ZONES))
def test_a_week_has_seven_days_and_the_part_of_today(now: datetime, zone: str) -> None:
    found = period.weekly(now, zone)
    begin = found.since.astimezone(ZoneInfo(zone))
    assert (now.astimezone(ZoneInfo(zone)).date() - begin.date()).days == 7


@given(INSTANTS)
def test_an_instant_comes_back_to_the_second(now: datetime) -> None:
    assert period.parsed(period.instant(now)) == now.replace(microsecond=0)


def test_the_end_belongs_to_the_next_period() -> None:
    found = period.weekly(datetime(2026, 3, 9, 8, tzinfo=UTC), "UTC")
    assert found.holds(found.since)
    assert not found.holds(found.until)


def test_a_zone_that_there_is_not_is_said() -> None:
    with pytest.raises(UsageError, match="no time zone 'Mars/Base'"):
        period.standup(datetime.now(UTC), "Mars/Base")
