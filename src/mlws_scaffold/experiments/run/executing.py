"""Launch, watch, finish: the same for a run in front of one and for one that was handed over."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import time
from pathlib import Path

from mlws_scaffold.adapters import children, snapshots, tracking
from mlws_scaffold.adapters.children import Departed
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.adapters.recording import Recorder
from mlws_scaffold.errors import MlwsError, Unavailable
from mlws_scaffold.experiments.run import endings, recording
from mlws_scaffold.experiments.run.endings import Ending
from mlws_scaffold.experiments.run.stages import Created, Job, Launched, Outcome, Watched
from mlws_scaffold.workspace import state

_INTERRUPTED = 130
# The shell's words for the signals with which schedulers and people end a process.
_ENDED_BY_SOMEBODY = (130, 143)


def launch(created: Created) -> Launched:
    """Start the process. A run that cannot start is ended as FAILED."""
    job = created.job
    env = {**tracking.own_environment(), **job.environment}
    env.pop("MLFLOW_EXPERIMENT_NAME", None)
    try:
        log = Path(job.log) if job.log else None
        child = children.start(job.command, Path(job.folder), env, log)
    except MlwsError:
        created.recorder.end(job.run_id, "FAILED")
        raise
    return Launched(created, child)


def own_tools(root: Path) -> dict[str, str]:
    """Makes Python take `shared_tools` from the tree at `root`, not the one that is installed."""
    tools = str(root / "shared/tools/src")
    before = os.environ.get("PYTHONPATH", "")
    return {"PYTHONPATH": f"{tools}{os.pathsep}{before}" if before else tools}


def watch(launched: Launched) -> Watched:
    """Wait for the end, with a heartbeat."""
    created = launched.created
    with recording.heartbeat(created, launched.child.identity), created.meter(launched) as tell:
        departed = children.wait(launched.child)
        tell(ending_word(departed))
    return Watched(created, departed)


def ending_word(departed: Departed) -> str:
    """MLflow's word for how a process ended."""
    if departed.interrupted or departed.status in _ENDED_BY_SOMEBODY:
        return "KILLED"
    return "FAILED" if departed.status else "FINISHED"


def finish(watched: Watched) -> Outcome:
    """Write how it ended. The child's exit status is returned even when the store is away."""
    job, departed = watched.created.job, watched.departed
    status = _INTERRUPTED if departed.interrupted else departed.status
    word = ending_word(departed)
    tags = {
        "mlws.exit_status": str(departed.status),
        "mlws.duration_seconds": f"{departed.seconds:.3f}",
        "mlws.peak_memory_mb": f"{departed.peak_bytes / 1e6:.1f}",
    }
    ending = Ending(job.run_id, job.uri, word, time.time(), tags)
    try:
        record(watched.created.recorder, ending)
    except Unavailable as error:
        watched.created.say(f"the end of run {job.run_id} is not recorded: {error.message}")
        with contextlib.suppress(MlwsError, OSError):
            endings.keep(Path(job.root), ending)
            watched.created.say("  it is kept here; when the store is back: mlws experiment reap")
    if job.worktree:
        clear_up(job)
    return Outcome(job.run_id, status, word, departed.seconds, job.log)


def record(recorder: Recorder, ending: Ending) -> None:
    """Tell the store how a run ended. Raises Unavailable."""
    recorder.tag(ending.run_id, ending.tags)
    recorder.end(ending.run_id, ending.word, ending.at)


def isolate(created: Created) -> Created:
    """The same run in a work tree of its pinned commit, with outputs and a log of its own.

    A run that cannot have one is ended as FAILED. Its job lies in a file, so that `tidy` finds what
    is left when the watcher is killed.
    """
    job = created.job
    place = state.folder(Path(job.root))
    top, folder = Path(job.top), Path(job.folder)
    tree = place / "worktrees" / job.run_id
    inside = folder.resolve().relative_to(top.resolve())
    root = tree / Path(job.root).resolve().relative_to(top.resolve())
    moved = dataclasses.replace(
        job,
        folder=str(tree / inside),
        environment={**job.environment, **own_tools(root)},
        worktree=str(tree),
        outputs=str(folder / "outputs" / job.run_id[:8]),
        log=str(place / "runs" / f"{job.run_id}.log"),
    )
    try:
        commit = snapshots.pinned(Git(top), job.run_id) or "HEAD"
        job_file(job).parent.mkdir(parents=True, exist_ok=True)
        job_file(job).write_text(moved.dump(), encoding="utf-8")
        snapshots.add_worktree(Git(top), commit, tree)
    except (MlwsError, OSError) as error:
        created.recorder.end(job.run_id, "FAILED")
        clear_up(moved)
        if isinstance(error, OSError):
            said = f"run {job.run_id} got no work tree: {error}"
            raise MlwsError(said, "free space, or mend its rights") from None
        raise
    return dataclasses.replace(created, job=moved)


def clear_up(job: Job) -> None:
    """Keep the outputs of a work tree and remove it, and the job's file.

    Raises MlwsError when they cannot be kept; then the work tree stays.
    """
    made = Path(job.folder) / "outputs"
    if job.outputs and made.is_dir():
        try:
            shutil.copytree(made, job.outputs, dirs_exist_ok=True)
        except OSError as error:
            said = f"outputs of run {job.run_id} were not kept: {error}"
            raise MlwsError(said, f"free space; they lie in {made}") from None
    snapshots.remove_worktree(Git(Path(job.top)), Path(job.worktree))
    job_file(job).unlink(missing_ok=True)


def tidy(root: Path, run_id: str) -> None:
    """What a run in a work tree left when its watcher was killed; nothing when it left nothing."""
    path = state.folder(root) / "runs" / f"{run_id}.json"
    if path.is_file():
        clear_up(Job.parse(path.read_text(encoding="utf-8")))


def job_file(job: Job) -> Path:
    """Where a job that is handed over is described."""
    return state.folder(Path(job.root)) / "runs" / f"{job.run_id}.json"
