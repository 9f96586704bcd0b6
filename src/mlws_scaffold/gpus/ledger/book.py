"""Writes to the ledger and reads from it. Doing either again changes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mlws_scaffold.gpus import store as stores
from mlws_scaffold.gpus.ledger.tables import LEDGER
from mlws_scaffold.gpus.store import Row, Store


@dataclass(frozen=True, slots=True)
class Subject:
    """A run as the ledger knows it. `actor`: human, or agent:NAME."""

    run_id: str
    experiment: str
    researcher: str
    actor: str
    backend: str


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time in which a run had one GPU. Times in seconds since 1970.

    `busy` (seconds) and `energy` (joules) are None where they were not measured. `source`: nvml,
    slurm or kubernetes, whoever says that the run had the GPU.
    """

    run_id: str
    gpu: str  # its UUID; without one, what tells it apart on its host
    model: str  # empty where it is not known
    host: str
    source: str
    began: float
    ended: float
    busy: float | None = None
    energy: float | None = None

    @property
    def seconds(self) -> float:
        return self.ended - self.began


@dataclass(frozen=True, slots=True)
class Usage:
    """One run with all its segments, and how it ended; an empty `state` while it has not."""

    subject: Subject
    began: int
    state: str
    seen: float  # the last that was heard of it
    segments: tuple[Segment, ...]


def opened(store: Store) -> Store:
    """The same store, with the ledger's tables in it."""
    stores.migrate(store, LEDGER)
    return store


def begin(store: Store, subject: Subject, at: float) -> None:
    """Enter a run; one that goes on after a preemption is there already."""
    store.execute(
        "INSERT INTO usage_runs (run_id, experiment, researcher, actor, backend, began)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (subject.run_id, subject.experiment, subject.researcher, subject.actor, subject.backend,
         int(at)),
    )  # fmt: skip


def add(store: Store, segments: Iterable[Segment]) -> None:
    """Enter segments, all or none."""

    def work() -> None:
        for one in segments:
            store.execute(
                "INSERT INTO usage_segments (run_id, gpu, model, host, source, began, ended, busy,"
                " energy) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (one.run_id, one.gpu, one.model, one.host, one.source, one.began, one.ended,
                 one.busy, one.energy),
            )  # fmt: skip

    stores.transact(store, work)


def end(store: Store, run_id: str, at: float, state: str) -> None:
    """Enter how a run ended; a preempted one may end more than once, and the last counts."""
    store.execute(
        "INSERT INTO usage_ends (run_id, ended, state) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (run_id, at, state),
    )


def read(store: Store, since: float = 0.0, until: float = 1e15) -> list[Usage]:
    """Every run with a part in the time from `since` up to `until`; segments are cut to it.

    Rows of one run on one GPU that touch are joined.
    """
    runs = store.execute(
        "SELECT run_id, experiment, researcher, actor, backend, began FROM usage_runs"
        " WHERE began < ? ORDER BY began, run_id",
        (int(min(until, 2**62)),),
    )
    rows = store.execute(
        "SELECT run_id, gpu, model, host, source, began, ended, busy, energy FROM usage_segments"
        " WHERE ended > ? AND began < ? ORDER BY run_id, gpu, began",
        (since, until),
    )
    ends: dict[str, tuple[float, str]] = {}
    for run_id, at, state in store.execute(
        "SELECT run_id, ended, state FROM usage_ends ORDER BY ended"
    ):
        ends[str(run_id)] = (float(str(at)), str(state))
    parts: dict[str, list[Segment]] = {}
    for row in rows:
        one = cut(_segment(row), since, until)
        if one is not None:
            _join(parts.setdefault(str(row[0]), []), one)
    found = []
    for row in runs:
        segments = tuple(parts.get(str(row[0]), ()))
        seen, state = ends.get(str(row[0]), (0.0, ""))
        last = max((one.ended for one in segments), default=0.0)
        if not segments and not since <= float(str(row[5])) < until:
            continue
        # What was measured after an end belongs to a run that went on.
        state = "" if last > seen + 1.0 else state
        began = int(str(row[5]))
        seen = max(seen, last, began)
        found.append(Usage(Subject(*map(str, row[:5])), began, state, seen, segments))
    return found


def _segment(row: Row) -> Segment:
    run_id, gpu, model, host, source, *numbers = row
    began, ended, busy, energy = (None if one is None else float(one) for one in numbers)
    assert began is not None  # noqa: S101 - the table holds no NULL there
    assert ended is not None  # noqa: S101
    return Segment(
        str(run_id), str(gpu), str(model), str(host), str(source), began, ended, busy, energy
    )


def cut(one: Segment, since: float, until: float) -> Segment | None:
    """The part of the segment in that time; None when there is none."""
    began, ended = max(one.began, since), min(one.ended, until)
    if ended <= began:
        return None
    share = (ended - began) / one.seconds
    return Segment(
        one.run_id, one.gpu, one.model, one.host, one.source, began, ended,
        None if one.busy is None else one.busy * share,
        None if one.energy is None else one.energy * share,
    )  # fmt: skip


def _join(parts: list[Segment], one: Segment) -> None:
    last = parts[-1] if parts else None
    if last is None or (last.gpu, last.host, last.source) != (one.gpu, one.host, one.source):
        parts.append(one)
        return
    known = (last.busy is None) == (one.busy is None)
    if one.began - last.ended > 1.0 or not known or _day(last.began) != _day(one.began):
        parts.append(one)
        return
    parts[-1] = Segment(
        one.run_id, one.gpu, one.model or last.model, one.host, one.source,
        last.began, max(one.ended, last.ended), _sum(last.busy, one.busy),
        _sum(last.energy, one.energy),
    )  # fmt: skip


def _day(at: float) -> int:
    """Days since 1970: a price or a week may change at midnight, so nothing is joined across."""
    return int(at // 86400)


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other
