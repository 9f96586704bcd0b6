"""Runs that are handed over: submitted, followed, cancelled, and ended where nobody else can."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters import children, recording
from mlws_scaffold.errors import MlwsError, Unavailable, UsageError
from mlws_scaffold.experiments import backends, results
from mlws_scaffold.experiments.backends import OPEN, Situation, Task, Terms, Ticket
from mlws_scaffold.experiments.results import Run
from mlws_scaffold.experiments.run.executing import clear_up, job_file, tidy
from mlws_scaffold.experiments.run.resolving import resolve
from mlws_scaffold.experiments.run.stages import Account, Created, Outcome, Request, unaccounted
from mlws_scaffold.workspace import state
from mlws_scaffold.workspace.config import Workspace

JOB = "mlws.scheduler_job"
_STATUSES = {"FINISHED": 0, "KILLED": 130}
_ENDINGS = {"finished": "FINISHED", "failed": "FAILED", "cancelled": "KILLED"}
_UNDECIDED = ("RUNNING", "SCHEDULED")
_LOOK_SECONDS = 2.0
# A scheduler may answer with nothing for a moment, between two of its states.
_PATIENCE = 15


def hand_over(created: Created) -> Outcome:
    """Give one run, which has its work tree, to its backend."""
    [outcome] = hand_over_all([created], created.job.run_id)
    return outcome


def hand_over_all(made: Sequence[Created], name: str, parallel: int = 0) -> list[Outcome]:
    """Give the runs to their backend in one go. When it refuses, all end as FAILED."""
    request = made[0].request
    assert request is not None  # noqa: S101 - narrows the type
    terms = Terms(name, request.asks, parallel)
    try:
        backend = backends.named(request.backend, request.place)
        for created in made:
            _wait_for_scheduler(created)
        tickets = backend.submit([_task(created, request) for created in made], terms)
    except (MlwsError, OSError):
        for created in made:
            created.recorder.end(created.job.run_id, "FAILED")
            clear_up(created.job)
        raise
    for created, ticket in zip(made, tickets, strict=True):
        tags = {JOB: f"{request.backend}:{ticket.job}"}
        created.recorder.tag(
            created.job.run_id, {**tags, "mlws.watcher": ticket.watcher} if ticket.watcher else tags
        )
        if request.backend not in _SEES_FILES:
            clear_up(created.job)
    return [
        Outcome(created.job.run_id, 0, "detached", log=str(ticket.log), job=ticket.job)
        for created, ticket in zip(made, tickets, strict=True)
    ]


def follow(
    place: Workspace,
    run_ids: Sequence[str],
    *,
    hear: Callable[[str], None] | None = None,
    ended: Callable[[Outcome], None] | None = None,
    account: Account = unaccounted,
) -> list[Outcome]:
    """Wait for the end of runs that were handed over.

    `hear` gets what they say, as they say it; `ended` is told of each end, and `account` of
    what was used where nobody else measures it.

    Ctrl-C ends the waiting, not the runs.
    """
    watched = {run_id: _Watch(place, run_id, time.monotonic(), hear, account) for run_id in run_ids}
    outcomes: dict[str, Outcome] = {}
    while True:
        known = {run.run_id: run for run in _runs(place, run_ids)}
        for run_id in run_ids:
            if run_id in outcomes:
                continue
            if run_id not in known:
                raise MlwsError(f"run {run_id} is no longer in the store")
            outcome = watched[run_id].look(known[run_id])
            if outcome is not None:
                outcomes[run_id] = outcome
                if ended is not None:
                    ended(outcome)
        if len(outcomes) == len(watched):
            return [outcomes[run_id] for run_id in run_ids]
        time.sleep(_LOOK_SECONDS)


@dataclass(slots=True)
class _Watch:
    """One run that is waited for: what was heard of it, and for how long it was not known."""

    place: Workspace
    run_id: str
    began: float
    hear: Callable[[str], None] | None
    account: Account
    heard: int = 0
    unknown: int = 0

    def look(self, run: Run) -> Outcome | None:
        """How it ended, once it has."""
        backend, ticket = _held(self.place, run)
        try:
            situation = backend.state(ticket)
        except Unavailable:  # a controller that restarts; the run is none the worse for it
            return None
        if self.hear is not None and (said := backend.logs(ticket, self.heard)):
            self.heard += len(said)
            self.hear(said.decode("utf-8", "replace"))
        self.unknown = self.unknown + 1 if situation.word == "unknown" else 0
        lost = situation.word == "unknown" and self.unknown > _PATIENCE
        over = lost or situation.word not in (*OPEN, "unknown")
        if not over and run.status in _UNDECIDED:
            return None
        word = settle(self.place, self.run_id, situation)
        if situation.used is not None:
            self.account(run, situation.used, word)
        seconds = time.monotonic() - self.began
        status = _STATUSES.get(word, 1)
        return Outcome(self.run_id, status, word, seconds, str(ticket.log), ticket.job)


def situation(place: Workspace, run: Run) -> Situation | None:
    """What the scheduler says of a run; None for one that was never handed over."""
    if not run.tags.get(JOB):
        return None
    backend, ticket = _held(place, run)
    return backend.state(ticket)


def cancel(place: Workspace, text: str) -> list[str]:
    """End a run that was handed over, or all open points of a sweep; the ids of those asked.

    Raises UsageError for a run that no backend holds, Unavailable.
    """
    run = results.run_named(place, text)
    family = [run]
    if run.is_sweep:
        family = results.with_tags(place, {"mlflow.parentRunId": run.run_id})
    held = [one for one in family if one.tags.get(JOB)]
    if not held:
        raise UsageError(
            f"run {run.run_id} was not handed over to a backend", "end its mlws run with Ctrl-C"
        )
    asked = [one for one in held if one.status in _UNDECIDED]
    for one in asked:
        backend, ticket = _held(place, one)
        backend.cancel(ticket)
        if one.status == "SCHEDULED":
            settle(place, one.run_id, Situation("cancelled"))
    return [one.run_id for one in asked]


def settle(place: Workspace, run_id: str, situation: Situation) -> str:
    """MLflow's word for how a run ended whose job is over.

    Where its supervisor could not write that (it never started, or was killed), it is written here.
    """
    [run] = _runs(place, [run_id])
    if run.status not in _UNDECIDED:
        return run.status
    word = _ENDINGS.get(situation.word, "FAILED")
    supervised = run.tags[JOB].partition(":")[0] in _SEES_FILES
    recorder = recording.connect(place.config.tracking.uri, place.root)
    if supervised and word != "KILLED":
        word = "KILLED"
        recorder.tag(run_id, {"mlws.lost": "true"})
    recorder.end(run_id, word)
    tidy(place.root, run_id)
    return word


def is_held(place: Workspace, run: Run) -> bool:
    """Whether a scheduler has the run, or may have it: then it is not ours to end."""
    if run.tags.get(JOB, "local:").startswith("local:"):
        return False
    try:
        found = situation(place, run)
    except MlwsError:
        return True  # it cannot be asked from here
    return found is not None and found.word in OPEN


def is_forgotten(place: Workspace, run: Run) -> bool:
    """Whether a run waits for a scheduler that has it no more."""
    return run.status == "SCHEDULED" and JOB in run.tags and not is_held(place, run)


def planned(request: Request) -> str:
    """What would be handed over for a run, as text. Raises what `resolve` raises."""
    folder, place = request.entry.folder, request.place
    command = resolve(request).command
    log = state.folder(place.root) / "runs" / "RUN.log"
    watch = (sys.executable, "-m", request.supervisor, str(log.with_suffix(".json")))
    task = Task("RUN", watch, folder, place.root, log, command)
    return backends.named(request.backend, place).plan([task], Terms("RUN", request.asks))


# Backends whose jobs see the files of this machine, so that our own process supervises the run.
_SEES_FILES = ("local", "slurm")


def _task(created: Created, request: Request) -> Task:
    job = created.job
    watch = (sys.executable, "-m", request.supervisor, str(job_file(job)))
    log = Path(job.log)
    log.parent.mkdir(parents=True, exist_ok=True)
    bare = ("python", *job.command[1:])
    return Task(job.run_id, watch, Path(job.folder), Path(job.worktree), log, bare, job.environment)


def _wait_for_scheduler(created: Created) -> None:
    if created.job.backend != "local":
        created.recorder.reopen(created.job.run_id, "SCHEDULED")
    else:
        tags = {"mlws.watcher": children.identity(os.getpid())}
        created.recorder.tag(created.job.run_id, tags)


def _held(place: Workspace, run: Run) -> tuple[backends.Backend, Ticket]:
    name, _, job = run.tags[JOB].partition(":")
    log = state.folder(place.root) / "runs" / f"{run.run_id}.log"
    return backends.named(name, place), Ticket(job, log)


def _runs(place: Workspace, run_ids: Sequence[str]) -> list[Run]:
    wanted = set(run_ids)
    return [run for run in results.runs_of(place) if run.run_id in wanted]
