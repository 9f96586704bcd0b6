"""Runs and GPUs of a generated team: rows of MLflow's tables, reservations, the usage ledger."""

from __future__ import annotations

import contextlib
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mlws_scaffold.gpus import store as stores
from mlws_scaffold.gpus.ledger import book
from mlws_scaffold.gpus.ledger.book import Segment, Subject
from mlws_scaffold.gpus.reservations import choosing, reading, tables
from mlws_scaffold.gpus.reservations.choosing import Entry
from mlws_scaffold.gpus.reservations.values import BOOKING, Actor, Gpu, Wish
from mlws_scaffold.workspace.config import Workspace
from tests.support import mlflow_store

_HOUR = 3600
_WITH_CURVES, _STEPS = 80, 25


@dataclass(frozen=True, slots=True)
class RunsOf:
    """How many runs an experiment has; `lost`: its last one is; `luck` says how good they get."""

    experiment: str
    who: str
    at: datetime
    count: int
    lost: bool
    luck: float

    def ids(self) -> list[str]:
        return [f"{abs(hash_of(self.experiment)):08x}{number:024x}" for number in range(self.count)]


def hash_of(text: str) -> int:
    """The same number on every machine and in every process."""
    return zlib.crc32(text.encode())


def track(place: Workspace, found: Sequence[RunsOf], now: datetime) -> None:
    """Put every run into a store of MLflow at the root."""
    path = mlflow_store.put(place.root)
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("pragma synchronous = off")
        database.executemany(
            "insert into experiments (experiment_id, name, artifact_location, lifecycle_stage,"
            " workspace) values (?, ?, 'file:///gone', 'active', 'default')",
            ((number + 10, one.experiment) for number, one in enumerate(found)),
        )
        database.executemany(
            "insert into runs (run_uuid, name, source_type, source_name, entry_point_name,"
            " user_id, status, start_time, end_time, source_version, lifecycle_stage,"
            " artifact_uri, experiment_id)"
            " values (?, ?, 'UNKNOWN', '', '', ?, ?, ?, ?, '', 'active', '', ?)",
            (row for number, one in enumerate(found) for row in _runs(number + 10, one, now)),
        )
        database.executemany(
            "insert into tags (key, value, run_uuid) values (?, ?, ?)",
            (row for one in found for row in _tags(one)),
        )
        database.executemany(
            "insert into latest_metrics (key, value, timestamp, step, is_nan, run_uuid)"
            " values (?, ?, 0, ?, 0, ?)",
            (row for number, one in enumerate(found) for row in _metrics(number, one)),
        )
        database.executemany(
            "insert into metrics (key, value, timestamp, run_uuid, step, is_nan)"
            " values (?, ?, 0, ?, ?, 0)",
            (row for number, one in enumerate(found[-_WITH_CURVES:]) for row in _curves(one)),
        )


def _start(one: RunsOf, number: int, now: datetime) -> datetime:
    return min(
        one.at + timedelta(hours=5 * number), now - timedelta(hours=2 * (one.count - number))
    )


def _runs(key: int, one: RunsOf, now: datetime) -> Iterator[tuple[object, ...]]:
    for number, run_id in enumerate(one.ids()):
        start = int(_start(one, number, now).timestamp() * 1000)
        last = number == one.count - 1
        status = "RUNNING" if one.lost and last else "FAILED" if number == 1 else "FINISHED"
        end = None if status == "RUNNING" else start + 3_000_000
        yield run_id, f"run-{number}", one.who, status, start, end, key


def _tags(one: RunsOf) -> Iterator[tuple[str, str, str]]:
    for run_id in one.ids():
        yield "mlws.experiment_id", one.experiment, run_id
        yield "mlws.researcher", one.who, run_id
        yield "mlws.host", "elsewhere", run_id
        yield "mlws.heartbeat", one.at.isoformat(), run_id


def _value(one: RunsOf, number: int) -> float:
    return round(0.55 + 0.3 * one.luck * (number + 1) / one.count + 0.02 * ((number * 7) % 3), 4)


def _metrics(at: int, one: RunsOf) -> Iterator[tuple[object, ...]]:
    name = _metric(one)
    for number, run_id in enumerate(one.ids()):
        value = _value(one, number)
        yield name, value if name == "accuracy" else round(1.2 - value, 4), _STEPS - 1, run_id


def _metric(one: RunsOf) -> str:
    return "loss" if int(one.experiment.rpartition("-")[2]) % 5 == 0 else "accuracy"


def _curves(one: RunsOf) -> Iterator[tuple[object, ...]]:
    name = _metric(one)
    for number, run_id in enumerate(one.ids()):
        value = _value(one, number)
        for step in range(_STEPS):
            reached = value * (1 - 0.6 / (step + 1.5))
            yield name, reached if name == "accuracy" else 1.2 - reached, run_id, step


def compute(
    place: Workspace, people: Sequence[str], found: Sequence[RunsOf], count: int, now: datetime
) -> None:
    """GPUs on two hosts, reservations of a week back and a week ahead, and what runs used."""
    gpus = [
        Gpu(f"node{1 + number // 2}", f"GPU-{number:04d}", number % 2, "NVIDIA H200", 141 * 10**9)
        for number in range(count)
    ]
    with stores.open(place) as store:
        stores.migrate(store, tables.TABLES)
        reading.remember(store, gpus)
        reserved: list[tuple[Gpu, str, int, int]] = []
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        for number in range(6 * count):
            who, gpu = people[number % len(people)], gpus[number % count]
            begins = int(
                (midnight + timedelta(days=2 * (number // count) - 4, hours=9)).timestamp()
            )
            length = (4 + 5 * (number % 5)) * _HOUR
            purpose = ("a sweep", "the long run", "evaluation")[number % 3]
            of = found[-1 - number % len(found)].experiment if found and number % 2 else ""
            wish = Wish(begins, begins + length, (gpu,), purpose=purpose, experiment=of)
            choosing.insert(store, Entry.of(Actor(who, who, gpu.host), BOOKING, wish, (gpu,)))
            if begins < now.timestamp() and number % 3:
                reserved.append((gpu, who, begins, (length * (2 + number % 4)) // 6))
        book.opened(store)
        for number, (gpu, who, begins, length) in enumerate(reserved):
            book.begin(store, Subject(f"booked-{number}", "", who, "human", "local"), begins)
            book.add(store, [_segment(f"booked-{number}", gpu, begins, length / _HOUR)])
        for one in found[-400:] if count else ():
            _used(store, one, gpus, now)


def _used(store: stores.Store, one: RunsOf, gpus: Sequence[Gpu], now: datetime) -> None:
    for number, run_id in enumerate(one.ids()[:2]):
        gpu = gpus[(hash_of(one.experiment) + number) % len(gpus)]
        began = _start(one, number, now).timestamp()
        actor = "agent:helper-0" if number else "human"
        book.begin(store, Subject(run_id, one.experiment, one.who, actor, "local"), began)
        hours = 1 + hash_of(run_id) % 5
        book.add(store, [_segment(run_id, gpu, began, hours)])
        book.end(store, run_id, began + hours * _HOUR, "FINISHED")


def _segment(run_id: str, gpu: Gpu, began: float, hours: float) -> Segment:
    """So many hours on one GPU, busy for most of them."""
    seconds = hours * _HOUR
    return Segment(
        run_id, gpu.uuid, gpu.name, gpu.host, "nvml", began, began + seconds,
        0.7 * seconds, 400.0 * seconds,
    )  # fmt: skip
