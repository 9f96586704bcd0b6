"""The process that executes a run that was handed over: `python -m … JOB_FILE`.

It runs in the background of this machine, or as a job of a scheduler that sees the same files. A
scheduler may end it and start it again: the run then goes on in the same work tree.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from mlws_scaffold.adapters import children, recording
from mlws_scaffold.adapters.children import Child
from mlws_scaffold.errors import Unavailable
from mlws_scaffold.experiments.backends import slurm
from mlws_scaffold.experiments.run.executing import finish, launch, watch
from mlws_scaffold.experiments.run.stages import Created, Job, Meter, Watched, unmetered

RESTARTS = "mlws.restarts"
_RESUME = "--resume"


def main(path: Path, meter: Meter = unmetered) -> int:
    """Execute the job of the file, which goes when all is done."""
    job = Job.parse(path.read_text(encoding="utf-8"))
    recorder = recording.connect(job.uri, Path(job.root))
    if job.backend != "local":
        job = _restarted(job, recorder)
    with _patient() as patience:
        launched = launch(Created(job, recorder, say, meter))
        patience.holds(launched.child)
        watched = watch(launched)
        if watched.departed.status and _comes_back():
            return _set_aside(watched)
        return finish(watched).status


class _Patience:
    """SIGTERM is for the run: also before its end is waited for, and while that is recorded."""

    def __init__(self) -> None:
        self._child: Child | None = None
        self._asked = False

    def hear(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True
        if self._child is not None:
            children.stop(self._child)

    def holds(self, child: Child) -> None:
        self._child = child
        if self._asked:
            children.stop(child)


@contextlib.contextmanager
def _patient() -> Iterator[_Patience]:
    patience = _Patience()
    before = children.on_terminate(patience.hear)
    try:
        yield patience
    finally:
        children.on_terminate(before)


def _restarted(job: Job, recorder: recording.Recorder) -> Job:
    """The run is RUNNING; where it ran before, its command goes on from what it left."""
    recorder.reopen(job.run_id)
    count = _restarts()
    environment = {**job.environment, "MLWS_RESTARTS": str(count)}
    if not count:
        return dataclasses.replace(job, environment=environment)
    recorder.tag(job.run_id, {RESTARTS: str(count)})
    folder = Path(job.folder)
    left = folder / "outputs"
    command = job.command
    if left.is_dir() and any(left.iterdir()) and _RESUME not in command and _can_resume(folder):
        command = (*command, _RESUME)
    return dataclasses.replace(job, environment=environment, command=command)


def _can_resume(folder: Path) -> bool:
    """Whether the experiment's code knows the word; else it has MLWS_RESTARTS to go by."""
    return any(
        _RESUME in path.read_text(encoding="utf-8", errors="replace")
        for path in folder.rglob("*.py")
    )


def _set_aside(watched: Watched) -> int:
    """Ended by the scheduler, which will start it again: the run waits, and keeps what it has."""
    job = watched.created.job
    with contextlib.suppress(Unavailable):  # the next start says that it runs
        watched.created.recorder.reopen(job.run_id, "SCHEDULED")
    say(f"run {job.run_id} was put back into the queue")
    return watched.departed.status


def _restarts() -> int:
    return int(os.environ.get("SLURM_RESTART_COUNT") or 0)


def _comes_back() -> bool:
    job = slurm.own_job()
    return bool(job) and slurm.restarts(job) > _restarts()


def say(text: str) -> None:
    """A remark, into the run's log."""
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
