"""GPUs: those that are known, who reserved them, who waits.

An object {devices, reservations, queue}. devices: a list of {host, index, uuid, name, memory
(bytes)}. reservations: one for each GPU of each reservation that touches the time from `since` to
seven days from now: {id, host, gpu (its index), uuid, who, from, until, kind (booking, run, hold),
state, purpose, experiment, used}; `used` is the share of its past that a run had that GPU, null
where none of it is past. queue: a list of {who, gpus, host, hours, since, turn}.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from mlws_scaffold.gpus import store as stores
from mlws_scaffold.gpus.ledger import book, sampling
from mlws_scaffold.gpus.reservations import reading, waiting
from mlws_scaffold.gpus.reservations.values import HOLD, Gpu, Reservation
from mlws_scaffold.team.snapshot.period import Period, instant
from mlws_scaffold.team.snapshot.section import Section
from mlws_scaffold.workspace.config import Workspace

NAME = "gpus"
SOURCE = "reservations and usage in the store of [gpus]"
EMPTY: Mapping[str, list[object]] = {"devices": [], "reservations": [], "queue": []}

_AHEAD = timedelta(days=7)
_HOUR = 3600.0
Busy = Mapping[tuple[str, str], Sequence[tuple[float, float]]]


def collect(place: Workspace, period: Period) -> Section:
    """What the store knows; looking at no machine. Raises Unavailable."""
    sampling.enter_kept(place)
    begins, now = int(period.since.timestamp()), int(period.until.timestamp())
    with stores.open(place) as store:
        if not store.version("reservations"):
            note = "nobody reserved a GPU in this store yet"
            return Section(NAME, SOURCE, dict(EMPTY), notes=(note,))
        devices = reading.known_gpus(store)
        found = reading.between(store, begins, int((period.until + _AHEAD).timestamp()))
        queue = waiting.tickets(store)
        earliest = min((one.begins for one in found), default=begins)
        usages = book.read(book.opened(store), float(earliest), float(now))
    busy: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for usage in usages:
        for one in usage.segments:
            busy.setdefault((one.host, one.gpu), []).append((one.began, one.ended))
    return Section(
        NAME,
        SOURCE,
        {
            "devices": [_device(one) for one in devices],
            "reservations": [_row(one, gpu, now, busy) for one in found for gpu in one.gpus],
            "queue": [
                {
                    "who": one.person,
                    "gpus": one.wanted,
                    "host": one.host or None,
                    "hours": one.seconds / _HOUR,
                    "since": _told(one.made),
                    "turn": one.hold is not None,
                }
                for one in queue
            ],
        },
    )


def share(intervals: Sequence[tuple[float, float]], began: float, ended: float) -> float | None:
    """The share of a time that the intervals cover together; None when it has no length."""
    if ended <= began:
        return None
    taken, at = 0.0, began
    for start, stop in sorted(intervals):
        start, stop = max(start, at), min(stop, ended)
        if stop > start:
            taken += stop - start
            at = stop
    return taken / (ended - began)


def _device(one: Gpu) -> dict[str, Any]:
    return {
        "host": one.host,
        "index": one.index,
        "uuid": one.uuid,
        "name": one.name,
        "memory": one.memory,
    }


def _row(one: Reservation, gpu: Gpu, now: int, busy: Busy) -> dict[str, Any]:
    ended = min(one.ends, now, one.released or now)
    used = share(busy.get((gpu.host, gpu.uuid), ()), float(one.begins), float(ended))
    return {
        "id": one.id,
        "host": gpu.host,
        "gpu": gpu.index,
        "uuid": gpu.uuid,
        "who": one.person,
        "from": _told(one.begins),
        "until": _told(one.ends),
        "kind": one.kind,
        "state": one.state(now),
        "purpose": one.purpose,
        "experiment": one.experiment or None,
        "used": None if one.kind == HOLD else used,
    }


def _told(seconds: int) -> str:
    return instant(datetime.fromtimestamp(seconds, UTC))
