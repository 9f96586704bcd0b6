"""Questions to the history: all moves of a model, and what was in production at a time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mlws_scaffold.errors import UsageError, did_you_mean
from mlws_scaffold.models import registry
from mlws_scaffold.models.lifecycle import history
from mlws_scaffold.models.lifecycle.history import Record
from mlws_scaffold.workspace.config import Workspace


def records(place: Workspace, key: str) -> list[Record]:
    """The moves of a model, oldest first; also of one that the registry no longer has.

    Raises UsageError for a key that neither the registry nor the history knows.
    """
    everything = history.load(place.layout)
    found = history.of(everything, key)
    if not found:
        known = {*registry.load(place.layout).models, *(record.model for record in everything)}
        if key not in known:
            cure = did_you_mean(key, known) if known else "there is none yet"
            raise UsageError(f"no model {key!r} in the registry or its history", cure)
    return found


def in_production(place: Workspace, key: str, when: str) -> Record | None:
    """The record by which the version came that was in production then. Raises UsageError."""
    return history.in_production(records(place, key), instant(when, place.config.reports.timezone))


def instant(text: str, zone: str) -> datetime:
    """The instant that a date (the end of that day) or a time means. Raises UsageError."""
    try:
        local = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise UsageError(f"[reports] timezone: no time zone {zone!r}", "such as UTC") from None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            cure = "write a date such as 2026-10-19, or 2026-10-19T12:00:00+02:00"
            raise UsageError(f"--at: {text!r} is no time", cure) from None
        return found if found.tzinfo else found.replace(tzinfo=local)
    tomorrow = datetime.combine(day + timedelta(days=1), time(), local)
    return tomorrow.astimezone(UTC) - timedelta(microseconds=1)
