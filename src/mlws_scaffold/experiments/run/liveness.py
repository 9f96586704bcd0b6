"""Whether a run that the store calls RUNNING still runs, and the end of those that do not.

A process that is proven alive wins over an old heartbeat; without proof the heartbeat decides.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from datetime import UTC, datetime

from mlws_scaffold.adapters import children, recording
from mlws_scaffold.experiments import results
from mlws_scaffold.experiments.results import Run
from mlws_scaffold.experiments.run import executing
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


def reap(place: Workspace, *, dry: bool = False, among: Iterable[Run] | None = None) -> list[Run]:
    """End every run of this machine (or of those in `among`) whose process is gone.

    Returns them. Raises Unavailable.
    """
    found = [
        run
        for run in (results.runs_of(place) if among is None else among)
        if run.status == "RUNNING" and is_here(run) and state_of(run) == LOST
    ]
    if dry or not found:
        return found
    recorder = recording.connect(place.config.tracking.uri, place.root)
    for run in found:
        recorder.tag(run.run_id, {"mlws.lost": "true"})
        recorder.end(run.run_id, "KILLED")
        executing.tidy(place.root, run.run_id)
    return found


def _is_late(run: Run, now: datetime) -> bool:
    try:
        seen = datetime.fromisoformat(run.tags["mlws.heartbeat"])
    except (KeyError, ValueError):
        seen = run.start
    seen = seen if seen.tzinfo else seen.replace(tzinfo=UTC)
    return (now - seen).total_seconds() > LATE_SECONDS
