"""Which GPUs are known to the store, and which reservations there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from mlws_scaffold.errors import UsageError
from mlws_scaffold.gpus.reservations.values import Gpu, Reservation
from mlws_scaffold.gpus.store import Store, Value

_WITH_GPUS = (
    "SELECT r.id, r.person, r.login, r.kind, r.begins, r.ends, r.purpose, r.experiment, r.made,"
    " r.released, r.lease, r.holder, r.used, s.host, s.gpu,"
    " COALESCE(k.place, -1), COALESCE(k.name, ''), k.memory"
    " FROM reservation AS r LEFT JOIN reserved_gpu AS s ON s.reservation = r.id"
    " LEFT JOIN known_gpu AS k ON k.host = s.host AND k.gpu = s.gpu"
    " WHERE {where} ORDER BY r.begins, r.id, s.host, COALESCE(k.place, -1), s.gpu"
)
_OWN = 13


def remember(store: Store, gpus: Sequence[Gpu]) -> None:
    """Keep what a look at a machine gave, so that others can reserve there without looking."""
    known = {(gpu.host, gpu.uuid): gpu for gpu in known_gpus(store)}
    now = store.now()
    for gpu in gpus:
        if gpu.uuid and known.get((gpu.host, gpu.uuid)) != gpu:
            store.execute(
                "INSERT INTO known_gpu (host, gpu, place, name, memory, seen)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (host, gpu) DO UPDATE SET"
                " place = excluded.place, name = excluded.name, memory = excluded.memory,"
                " seen = excluded.seen",
                (gpu.host, gpu.uuid, gpu.index, gpu.name, gpu.memory, now),
            )


def known_gpus(store: Store, host: str = "") -> list[Gpu]:
    """The GPUs that were ever seen, by host and index."""
    rows = store.execute(
        "SELECT host, gpu, place, name, memory FROM known_gpu WHERE host = ? OR ? = ''"
        " ORDER BY host, place, gpu",
        (host, host),
    )
    return [
        Gpu(
            str(home),
            str(uuid),
            _number(place),
            str(name),
            None if memory is None else _number(memory),
        )
        for home, uuid, place, name, memory in rows
    ]


def find_gpu(known: Iterable[Gpu], words: str, here: str) -> Gpu:
    """The GPU of an index (here), `host:index`, or the beginning of a UUID. Raises UsageError."""
    known = list(known)
    host, _, index = words.rpartition(":")
    if index.isdigit():
        chosen = [gpu for gpu in known if gpu.host == (host or here) and gpu.index == int(index)]
    else:
        chosen = [gpu for gpu in known if gpu.uuid.startswith(words)] if words else []
    if len(chosen) == 1:
        return chosen[0]
    what = "is not one GPU but several" if chosen else "is no GPU that is known"
    listed = ", ".join(gpu.text for gpu in known) or "none: run mlws gpu status on its machine"
    raise UsageError(f"--gpu: {words!r} {what}", f"known: {listed}")


def one(store: Store, number: int) -> Reservation:
    """The reservation of this number. Raises UsageError."""
    found = _read(store, "r.id = ?", (number,))
    if not found:
        raise UsageError(f"there is no reservation {number}", "mlws gpu list --all shows them")
    return found[0]


def between(store: Store, begins: int, ends: int) -> list[Reservation]:
    """All that overlap the interval and were not released before they began, by beginning."""
    return [
        item for item in _read(store, "r.ends > ? AND r.begins < ?", (begins, ends)) if item.gpus
    ]


def since(store: Store, instant: int) -> list[Reservation]:
    """All that end after the instant, whatever became of them."""
    return _read(store, "r.ends > ?", (instant,))


def of_person(store: Store, person: str, begins: int, ends: int) -> list[Reservation]:
    """One person's reservations that overlap the interval."""
    return _read(store, "r.person = ? AND r.ends > ? AND r.begins < ?", (person, begins, ends))


def unsettled(store: Store) -> bool:
    """Whether a lease ran out or somebody waits: then `waiting.tidy` has something to do."""
    lapsed = "SELECT 1 FROM reservation WHERE lease <= ? AND lease < ends AND released IS NULL"
    return bool(
        store.execute(f"{lapsed} LIMIT 1", (store.now(),))
        or store.execute("SELECT 1 FROM ticket WHERE closed = '' LIMIT 1")
    )


def on(gpus: Sequence[Gpu], found: Iterable[Reservation]) -> list[Reservation]:
    """Those that hold at least one of these GPUs."""
    wanted = {(gpu.host, gpu.uuid) for gpu in gpus}
    return [item for item in found if any((gpu.host, gpu.uuid) in wanted for gpu in item.gpus)]


def _read(store: Store, where: str, values: Sequence[Value]) -> list[Reservation]:
    rows = store.execute(_WITH_GPUS.format(where=where), values)
    found: dict[int, tuple[tuple[Value, ...], list[Gpu]]] = {}
    for row in rows:
        _own, gpus = found.setdefault(_number(row[0]), (row[:_OWN], []))
        host, uuid, place, name, memory = row[_OWN:]
        if host is not None:
            size = None if memory is None else _number(memory)
            gpus.append(Gpu(str(host), str(uuid), _number(place), str(name), size))
    return [_reservation(own, gpus) for own, gpus in found.values()]


def _reservation(own: tuple[Any, ...], gpus: list[Gpu]) -> Reservation:
    return replace(Reservation(*own), gpus=tuple(gpus))


def _number(value: Value) -> int:
    assert isinstance(value, int | float)  # noqa: S101 - the column's type
    return int(value)
