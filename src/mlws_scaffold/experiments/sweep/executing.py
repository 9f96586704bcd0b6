"""The points: each a recorded run in a work tree of the one snapshot, several at a time."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from mlws_scaffold.adapters import children
from mlws_scaffold.adapters.children import GRACE_SECONDS, Child
from mlws_scaffold.errors import MlwsError, Unavailable
from mlws_scaffold.experiments import results
from mlws_scaffold.experiments.run import liveness, recording
from mlws_scaffold.experiments.run.executing import finish, isolate, launch, tidy, watch
from mlws_scaffold.experiments.run.recording import create_run
from mlws_scaffold.experiments.run.stages import Created, Kept, Launched, Outcome
from mlws_scaffold.experiments.sweep.planning import METRIC, PARENT, POINT, SWEEP
from mlws_scaffold.experiments.sweep.stages import Card, Executed, Opened, Trial

_LOOK_SECONDS = 1.0


class Crew:
    """The processes that run now, so that all of them can be stopped from the main thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._children: list[Child] = []
        self.stopping = threading.Event()

    def launch(self, created: Created) -> Launched:
        """`launch`; what comes after the end was asked for is ended at once."""
        launched = launch(created)
        with self._lock:
            self._children.append(launched.child)
            if self.stopping.is_set():
                children.stop(launched.child)
        return launched

    def stop(self, *, hard: bool) -> None:
        with self._lock:
            self.stopping.set()
            for child in self._children:
                children.stop(child, hard=hard)


def execute(opened: Opened) -> Executed:
    """Run what is open, `parallel` at a time.

    A point that fails does not stop the others; one that cannot be started or kept does, since the
    next could not either. Ctrl-C and SIGTERM end the running points as KILLED.
    """
    order = opened.planned.prepared.order
    crew = Crew()
    waiting = deque(opened.planned.open)
    flying: dict[Future[Outcome], Card] = {}
    trouble: MlwsError | None = None
    if not waiting:
        return Executed(opened)
    with recording.heartbeat(opened.parent), ThreadPoolExecutor(order.parallel) as pool:
        try:
            try:
                while flying or (waiting and not trouble):
                    while waiting and not trouble and len(flying) < order.parallel:
                        card = waiting.popleft()
                        flying[pool.submit(_point, opened, card, crew)] = card
                    for future in wait(flying, return_when=FIRST_COMPLETED).done:
                        trouble = _landed(opened, flying.pop(future), future) or trouble
            finally:
                if flying:
                    _end(crew, flying)
        except KeyboardInterrupt:
            return Executed(opened, interrupted=True)
    return Executed(opened, trouble=trouble)


def _end(crew: Crew, flying: dict[Future[Outcome], Card]) -> None:
    """Ask all to end, then end them; another Ctrl-C shortens the wait."""
    for hard, seconds in ((False, GRACE_SECONDS), (True, GRACE_SECONDS)):
        crew.stop(hard=hard)
        try:
            if not wait(flying, timeout=seconds).not_done:
                return
        except KeyboardInterrupt:
            continue


def _landed(opened: Opened, card: Card, future: Future[Outcome]) -> MlwsError | None:
    """Say how a point ended; what kept it from starting or from being kept, if so."""
    error = future.exception()
    if isinstance(error, MlwsError):
        opened.parent.say(f"{_place(opened, card.trial)}: {error.message}")
        return error
    landed(opened, card.trial, future.result())
    return None


def landed(opened: Opened, trial: Trial, outcome: Outcome) -> None:
    """Say how a point ended."""
    said = f"; see {outcome.log}"
    if outcome.state == "FINISHED":
        said = _measured(opened, trial, outcome.run_id)
    ended = f"{outcome.state} after {outcome.seconds:.1f} s"
    opened.parent.say(f"{_place(opened, trial)}: {ended}{said}")


def _measured(opened: Opened, trial: Trial, run_id: str) -> str:
    prepared = opened.planned.prepared
    tags = {PARENT: opened.parent.job.run_id, POINT: str(trial.point.number)}
    with contextlib.suppress(Unavailable):  # it is only said; the report asks again
        for run in results.with_tags(prepared.order.request.place, tags):
            if run.run_id == run_id and prepared.metric in run.metrics:
                return f", {prepared.metric} {run.metrics[prepared.metric]:.6g}"
    return ""


def _place(opened: Opened, trial: Trial) -> str:
    count = len(opened.planned.prepared.trials)
    return f"[{trial.place}/{count}] {' '.join(trial.point.sets)}"


def _point(opened: Opened, card: Card, crew: Crew) -> Outcome:
    """One trial from its run to its end: the same steps as a single run."""
    if card.state == "running" and card.run:
        found = _adopted(opened, card.run, crew)
        if found is not None:
            return found
    with opened.planned.prepared.order.request.slot() as own:
        return _stepped(opened, card, crew, own)


def _stepped(opened: Opened, card: Card, crew: Crew, own: Mapping[str, str]) -> Outcome:
    def begun(created: Created) -> Created:
        opened.parent.say(f"{_place(opened, card.trial)}: run {created.job.run_id[:8]}")
        environment = {**created.job.environment, **own}
        job = dataclasses.replace(created.job, environment=environment)
        return dataclasses.replace(created, job=job, say=opened.parent.say)

    steps: tuple[Callable[..., object], ...] = (
        create_run, begun, isolate, crew.launch, watch, finish,
    )  # fmt: skip
    value: object = as_point(opened, card.trial)
    for step in steps:
        value = step(value)
    assert isinstance(value, Outcome)  # noqa: S101 - narrows the type
    return value


def as_point(opened: Opened, trial: Trial) -> Kept:
    """The snapshot, as that of this one point below the parent."""
    request = opened.kept.resolved.request
    prepared = opened.planned.prepared
    tags = {
        PARENT: opened.parent.job.run_id,
        SWEEP: prepared.identity,
        POINT: str(trial.point.number),
        METRIC: prepared.metric,
        "mlflow.runName": " ".join(trial.point.sets)[:200],
    }
    # What is not recorded was said for the parent; once is enough.
    varied = dataclasses.replace(
        trial.resolved.request, entry=request.entry, tags=tags, say=lambda _text: None
    )
    resolved = dataclasses.replace(trial.resolved, request=varied)
    return dataclasses.replace(opened.kept, resolved=resolved)


def _adopted(opened: Opened, run: results.Run, crew: Crew) -> Outcome | None:
    """A point that outlived its killed sweep: its end is waited for. None when it must be repeated.

    When this sweep is stopped meanwhile, the point goes on by itself.
    """
    place = opened.planned.prepared.order.request.place
    opened.parent.say(f"run {run.run_id[:8]} is still running: waiting for it")
    began = time.monotonic()
    while liveness.has_process(run):
        if crew.stopping.wait(_LOOK_SECONDS):
            return Outcome(run.run_id, 130, "RUNNING", time.monotonic() - began)
    family = results.with_tags(place, {PARENT: opened.parent.job.run_id})
    ended = [found for found in family if found.run_id == run.run_id]
    liveness.reap(place, among=ended)
    tidy(place.root, run.run_id)
    if not ended or ended[0].status != "FINISHED":
        return None
    return Outcome(run.run_id, 0, "FINISHED", time.monotonic() - began)
