"""Measures what a run uses of its own GPUs, and enters it in the ledger every minute.

What is entered stays when this process is killed: at most a minute is missing. A store that is away
is asked again; what it has not taken at the end is kept on this machine, and entered later.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters import gpu_counters
from mlws_scaffold.adapters.gpu_counters import Counters
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.gpus import store as stores
from mlws_scaffold.gpus.ledger import book, holding
from mlws_scaffold.gpus.ledger.book import Segment, Subject
from mlws_scaffold.gpus.ledger.holding import Gpu, Grant
from mlws_scaffold.workspace import state
from mlws_scaffold.workspace.config import Workspace

SAMPLE_SECONDS = 10.0
FLUSH_SECONDS = 60.0
_KEPT = "usage"


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to look and to write; tests are quicker. `clock`: seconds since 1970."""

    sample: float = SAMPLE_SECONDS
    flush: float = FLUSH_SECONDS
    clock: Callable[[], float] = time.time


@contextlib.contextmanager
def measured(
    place: Workspace,
    subject: Subject,
    grant: Grant,
    say: Callable[[str], None],
    pace: Pace = Pace(),
) -> Iterator[Callable[[str], None]]:
    """Measure until the end; what is yielded takes MLflow's word for how the run ended.

    Nothing that goes wrong with the ledger disturbs the run: it is said, and kept for later.
    """
    ended = "FAILED"

    def tell(word: str) -> None:
        nonlocal ended
        ended = word

    with gpu_counters.counting() as counters:
        meter = Meter(subject, grant, counters, pace)
        over = threading.Event()

        def work() -> None:
            while not over.wait(pace.sample):
                meter.look()
                if meter.due:
                    with contextlib.suppress(MlwsError):
                        enter(place, meter)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            yield tell
        finally:
            over.set()
            thread.join(timeout=30)
            meter.look()
            meter.close(ended)
            try:
                enter(place, meter)
            except MlwsError as error:
                _keep(place, meter)
                say(f"the usage of run {subject.run_id} is kept here for later: {error.message}")


class Meter:
    """The samples of one run, as segments that wait to be entered."""

    def __init__(self, subject: Subject, grant: Grant, counters: Counters, pace: Pace) -> None:
        self.subject = subject
        self._grant, self._counters, self._pace = grant, counters, pace
        self._gpus = holding.granted(grant, counters)
        self.began = self._last = self._flushed = pace.clock()
        self._energy = {gpu.uuid: self._energy_of(gpu) for gpu in self._gpus or ()}
        self._open: dict[str, Segment] = {}
        self.waiting: list[Segment] = []
        self.end: tuple[float, str] | None = None

    @property
    def due(self) -> bool:
        """Whether it is time to enter what was measured."""
        if abs(self._pace.clock() - self._flushed) < self._pace.flush:
            return False
        self._cut()
        return True

    def look(self) -> None:
        """Add the time since the last look to each of the run's GPUs."""
        now = self._pace.clock()
        began, self._last = self._last, now
        if now <= began:  # the clock was set back
            return
        gpus = self._gpus
        if gpus is None:
            gpus = holding.occupied(self._grant.pid, self._counters)
        for gpu in gpus:
            self._add(gpu, began, now)

    def close(self, word: str) -> None:
        """The run has ended."""
        self._cut()
        self.end = (self._last, word)

    def entered(self, count: int) -> None:
        """The first `count` of those that waited are in the store."""
        del self.waiting[:count]

    def _add(self, gpu: Gpu, began: float, now: float) -> None:
        sample = self._counters.sample(gpu.uuid) if gpu.counted else gpu_counters.Sample()
        busy = None if sample.busy is None else (now - began) * sample.busy
        before = self._energy.get(gpu.uuid)
        energy = None
        if sample.energy is not None and before is not None and sample.energy >= before:
            energy = (sample.energy - before) / 1000
        self._energy[gpu.uuid] = sample.energy
        old = self._open.get(gpu.uuid)
        if old is not None and (old.ended != began or (old.busy is None) != (busy is None)):
            self.waiting.append(self._open.pop(gpu.uuid))
            old = None
        if old is None:
            self._open[gpu.uuid] = Segment(
                self.subject.run_id, gpu.uuid, gpu.model, self._grant.host, self._grant.source,
                began, now, busy, energy,
            )  # fmt: skip
            return
        self._open[gpu.uuid] = dataclasses.replace(
            old, ended=now, busy=_sum(old.busy, busy), energy=_sum(old.energy, energy)
        )

    def _cut(self) -> None:
        self.waiting += self._open.values()
        self._open = {}
        self._flushed = self._pace.clock()

    def _energy_of(self, gpu: Gpu) -> int | None:
        return self._counters.sample(gpu.uuid).energy if gpu.counted else None


def enter_kept(place: Workspace) -> int:
    """Enter what a store that was away could not take; how many runs. Raises Unavailable."""
    count = 0
    for path in sorted(_folder(place).glob("*.json")):
        data = json.loads(path.read_text(encoding="utf-8"))
        with stores.open(place) as store:
            _write(
                store=book.opened(store),
                subject=Subject(**data["subject"]),
                began=data["began"],
                segments=[Segment(**one) for one in data["segments"]],
                end=tuple(data["end"]) if data["end"] else None,
            )
        path.unlink()
        count += 1
    return count


def enter_known(
    place: Workspace, subject: Subject, segments: list[Segment], end: tuple[float, str]
) -> None:
    """Enter a run that a scheduler tells of when it is over. Raises MlwsError."""
    began = min((one.began for one in segments), default=end[0])
    with stores.open(place) as store:
        _write(book.opened(store), subject, began, segments, end)


def enter(place: Workspace, meter: Meter) -> None:
    """Enter what waits. Raises MlwsError, and then it waits on."""
    segments = list(meter.waiting)
    with stores.open(place) as store:
        _write(book.opened(store), meter.subject, meter.began, segments, meter.end)
    meter.entered(len(segments))


def _write(
    store: stores.Store,
    subject: Subject,
    began: float,
    segments: list[Segment],
    end: tuple[float, str] | None,
) -> None:
    book.begin(store, subject, began)
    book.add(store, segments)
    if end is not None:
        book.end(store, subject.run_id, *end)


def _keep(place: Workspace, meter: Meter) -> None:
    data = {
        "subject": dataclasses.asdict(meter.subject),
        "began": meter.began,
        "segments": [dataclasses.asdict(one) for one in meter.waiting],
        "end": meter.end,
    }
    with contextlib.suppress(OSError):
        _folder(place).mkdir(parents=True, exist_ok=True)
        name = f"{meter.subject.run_id}-{meter.began:.0f}.json"
        (_folder(place) / name).write_text(json.dumps(data), encoding="utf-8")


def _folder(place: Workspace) -> Path:
    return state.folder(place.root) / _KEPT


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other
