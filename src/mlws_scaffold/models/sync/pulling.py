"""The pulls of a sync: several at a time, each watched, each believed when it is read back."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from mlws_scaffold.adapters import ollama
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.models.sync import report, room
from mlws_scaffold.models.sync.decide import Step
from mlws_scaffold.models.sync.order import Wish
from mlws_scaffold.models.sync.report import Result
from mlws_scaffold.models.sync.room import Ask, Room
from mlws_scaffold.models.sync.server import Server, Stopped
from mlws_scaffold.models.sync.work import Work


@dataclass(frozen=True, slots=True)
class Pulled:
    """Results by `full_name`, and remarks."""

    results: dict[str, Result]
    notes: tuple[str, ...] = ()


def pull(work: Work, steps: Iterable[Step], remote: Ask, survey: Callable[..., Room]) -> Pulled:
    """Pull what the steps ask for. A failure does not stop the others.

    remote: what a registry offers under a name; survey: see room.survey.
    """
    wanted = {step.wish.full: step for step in reversed([*steps]) if step.action == "pull"}
    results = {full: found for full, step in wanted.items() if (found := _hopeless(step, remote))}
    open_ones = {full: step.wish for full, step in wanted.items() if full not in results}
    if not open_ones:
        return Pulled(results)
    space = survey([wish.name for wish in open_ones.values()])
    for full, wish in list(open_ones.items()):
        if why := space.lacking.get(wish.name):
            results[full] = report.failed(wish, why, "free space where the server keeps its models")
            del open_ones[full]
    work.begin(open_ones.values())
    for wish, error in _run(work.server, [*open_ones.values()], work.place.config.models.pulls):
        results[wish.full] = _result(work, wish, wanted[wish.full], error)
    return Pulled(results, (space.note,) if space.note else ())


def surveyor(work: Work, environment: dict[str, str], remote: Ask) -> Callable[..., Room]:
    """room.survey for this server."""
    disk = room.disk_of(work.server.host, environment, work.facts.held)
    return lambda names: room.survey(names, disk, remote)


def _hopeless(step: Step, remote: Ask) -> Result | None:
    """A drifted model whose expected digest the registry offers no longer: a pull would only bring
    a third one.
    """
    if step.state != "drifted" or not step.wanted:
        return None
    offered = remote(step.wish.name)
    if offered is None or offered.digest in step.wanted:
        return None
    detail = f"{step.reason}; its registry offers {offered.digest[:12]}"
    return report.left(replace(step, action="", reason=detail))


def _result(work: Work, wish: Wish, step: Step, error: MlwsError | None) -> Result:
    try:
        if error is not None:
            raise error
        work.finish(wish)
    except MlwsError as refusal:
        return report.failed(wish, refusal.message, refusal.cure)
    after = work.judge(wish, forced=False)
    if after.state == "drifted":
        return report.left(replace(after, action=""))
    return report.done(wish, "pulled", step.reason)


def _run(
    server: Server, wishes: Sequence[Wish], together: int
) -> Iterator[tuple[Wish, MlwsError | None]]:
    """Each wish when its pull has ended. The threads do not keep the process from ending."""
    waiting: queue.SimpleQueue[Wish] = queue.SimpleQueue()
    ended: queue.SimpleQueue[tuple[Wish, MlwsError | None, bool]] = queue.SimpleQueue()
    for wish in wishes:
        waiting.put(wish)

    stall = server.patience.stall

    def work_off() -> None:
        while True:
            try:
                wish = waiting.get_nowait()
            except queue.Empty:
                return
            error, known = None, False
            try:
                server.follow(wish.title, partial(ollama.pull, server.host, wish.name, stall))
                known = True
            except MlwsError as refusal:
                error, known = refusal, True
            except Stopped:
                return
            finally:
                ended.put((wish, error, known))

    for _ in range(min(max(together, 1), len(wishes))):
        threading.Thread(target=work_off, daemon=True).start()
    for _ in wishes:
        wish, error, known = ended.get()
        if not known:
            raise RuntimeError(f"the pull of {wish.name} ended in an unforeseen way")
        yield wish, error
