"""Whether a run that the store calls RUNNING still runs, and the end of those that do not.

A process that is proven alive wins over an old heartbeat; without proof the heartbeat decides.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from mlws_scaffold.adapters import children, recording
from mlws_scaffold.experiments import results
from mlws_scaffold.experiments.results import Run
from mlws_scaffold.experiments.run import endings, executing, scheduling
from mlws_scaffold.experiments.run.recording import LATE_SECONDS
from mlws_scaffold.workspace.config import Workspace

LOST = "lost"


def state_of(run: Run, now: datetime | None = None) -> str:
    """finished, failed, killed, running or lost."""
    if run.tags.get("mlws.lost") == "true":
        return LOST
    if run.status != "RUNNING" or not run.recorded:
        return run.status.lower()
    if is_here(run):
        known = [children.alive(run.tags.get(name, "")) for name in ("mlws.job_id", "mlws.watcher")]
        if True in known:
            return "running"
        if None not in known:
            return LOST
    return LOST if _is_late(run, now or datetime.now(UTC)) else "running"


def has_process(run: Run) -> bool:
    """Whether the process of a run of this machine is known to live, whatever the store says."""
    return children.alive(run.tags.get("mlws.job_id", "")) is True


def is_here(run: Run) -> bool:
    """Whether the run's process belongs to this machine."""
    return run.tags.get("mlws.host") == socket.gethostname()


@dataclass(frozen=True, slots=True)
class Reaped:
    """A run that was ended. `state`: lost, or how it is known to have ended."""

    run: Run
    state: str


def reap(
    place: Workspace, *, dry: bool = False, among: Iterable[Run] | None = None
) -> list[Reaped]:
    """End every run of this machine (or of those in `among`) whose process is gone, as it ended
    where that is known.

    Raises Unavailable.
    """
    uri, root = place.config.tracking.uri, place.root
    runs = results.runs_of(place) if among is None else list(among)
    open_ones = [run for run in runs if run.status == "RUNNING" and is_here(run)]
    asked = {run.run_id for run in runs}
    known = {
        ending.run_id: ending
        for ending in endings.kept(root, uri)
        if among is None or ending.run_id in asked
    }
    ended = [
        Reaped(run, known[run.run_id].word.lower()) for run in open_ones if run.run_id in known
    ]
    lost = [
        run
        for run in open_ones
        if run.run_id not in known and state_of(run) == LOST and not scheduling.is_held(place, run)
    ]
    lost += [run for run in runs if is_here(run) and scheduling.is_forgotten(place, run)]
    found = [*ended, *(Reaped(run, LOST) for run in lost)]
    if dry:
        return found
    if found:
        recorder = recording.connect(uri, root)
        for one in ended:
            executing.record(recorder, known[one.run.run_id])
        for run in lost:
            recorder.tag(run.run_id, {"mlws.lost": "true"})
            recorder.end(run.run_id, "KILLED")
            executing.tidy(root, run.run_id)
    # Recorded now, or of a run that is deleted or was ended by somebody else.
    for ending in known.values():
        endings.forget(root, ending)
    return found


def _is_late(run: Run, now: datetime) -> bool:
    try:
        seen = datetime.fromisoformat(run.tags["mlws.heartbeat"])
    except (KeyError, ValueError):
        seen = run.start
    seen = seen if seen.tzinfo else seen.replace(tzinfo=UTC)
    return (now - seen).total_seconds() > LATE_SECONDS
