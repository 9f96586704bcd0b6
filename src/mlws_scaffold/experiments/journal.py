"""The runs of all experiments in one list: recorded, unrecorded, lost."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mlws_scaffold.errors import UsageError
from mlws_scaffold.experiments import results
from mlws_scaffold.experiments.index.entries import Entry
from mlws_scaffold.experiments.results import Run
from mlws_scaffold.experiments.run import liveness
from mlws_scaffold.workspace.config import Workspace

_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class Line:
    """One run as people read it. `seconds` is None while it runs."""

    run: Run
    experiment: str
    state: str
    seconds: float | None

    @property
    def who(self) -> str:
        return self.run.tags.get("mlflow.user") or self.run.tags.get("mlws.researcher", "")


def since(text: str, zone: str, now: datetime) -> datetime:
    """The instant that `today`, `yesterday`, `7d`, `12h`, `2w` or a date means.

    Days begin in the time zone `zone`. Raises UsageError.
    """
    try:
        local = now.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError):
        raise UsageError(f"[reports] timezone: no time zone {zone!r}", "such as UTC") from None
    if match := re.fullmatch(r"([0-9]{1,4})([hdw])", text):
        return now - timedelta(**{_UNITS[match[2]]: int(match[1])})
    if text in ("today", "yesterday"):
        day = local.date() - timedelta(days=int(text == "yesterday"))
    else:
        try:
            day = date.fromisoformat(text)
        except ValueError:
            cure = "write today, yesterday, 7d, 12h or a date such as 2026-10-19"
            raise UsageError(f"--since: {text!r} is no time", cure) from None
    return datetime.combine(day, time(), local.tzinfo).astimezone(UTC)


def lines(
    place: Workspace, *, after: datetime | None = None, entry: Entry | None = None
) -> list[Line]:
    """Runs newest first. Raises Unavailable when the store cannot be read."""
    names: Iterable[str] | None = None
    if entry is not None:
        names = [entry.metadata.mlflow_experiment or entry.metadata.experiment_id]
    return [
        line(run)
        for run in results.runs_of(place, names)
        if (after is None or run.start >= after) and (entry is None or _belongs(run, entry))
    ]


def families(found: Iterable[Line]) -> list[tuple[Line, bool]]:
    """The lines with the points of a sweep below its own line, which stands where its newest point
    did. True marks such a point; one whose sweep is not among the lines stands alone.
    """
    listed = list(found)
    sweeps = {line.run.run_id: line for line in listed if line.run.is_sweep}
    points: dict[str, list[Line]] = {run_id: [] for run_id in sweeps}
    order: dict[str, Line] = {}
    for line in listed:
        above = line.run.sweep
        if above in sweeps:
            points[above].append(line)
            line = sweeps[above]
        order.setdefault(line.run.run_id, line)
    return [
        pair
        for run_id, line in order.items()
        for pair in [(line, False), *((point, True) for point in points.get(run_id, ()))]
    ]


def _belongs(run: Run, entry: Entry) -> bool:
    """Two experiments may share a name in MLflow; recorded runs tell whose they are."""
    own = entry.metadata.experiment_id
    return run.tags.get("mlws.experiment_id", own) == own


def line(run: Run, now: datetime | None = None) -> Line:
    """The run as people read it, at this moment or another."""
    seconds = None if run.end is None else (run.end - run.start).total_seconds()
    name = run.tags.get("mlws.experiment_id", run.experiment)
    return Line(run, name, liveness.state_of(run, now), seconds)
