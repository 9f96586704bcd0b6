"""Which GPUs are free, which of them fit a wish best, and writing them down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlws_scaffold.gpus.reservations import reading
from mlws_scaffold.gpus.reservations.values import Actor, Gpu, Wish
from mlws_scaffold.gpus.store import Store


@dataclass(frozen=True, slots=True)
class Lease:
    """What keeps a reservation alive: a process (`children.identity`, or nobody), until when."""

    holder: str
    until: int


def free(store: Store, begins: int, ends: int) -> list[Gpu]:
    """The known GPUs that nobody has during the interval."""
    held = {
        (gpu.host, gpu.uuid) for item in reading.between(store, begins, ends) for gpu in item.gpus
    }
    return [gpu for gpu in reading.known_gpus(store) if (gpu.host, gpu.uuid) not in held]


def choose(store: Store, wish: Wish, here: str) -> tuple[Gpu, ...]:
    """The free GPUs of one host that fit best; empty when no host has enough.

    This machine first; quiet ones before those at work; the smallest that are large enough.
    """
    hosts: dict[str, list[Gpu]] = {}
    for gpu in free(store, wish.begins, wish.ends):
        if (gpu.memory or 0) >= wish.memory and wish.host in ("", gpu.host):
            hosts.setdefault(gpu.host, []).append(gpu)
    for host in sorted(hosts, key=lambda name: (name != here, name)):
        if len(hosts[host]) >= wish.count:
            best = sorted(
                hosts[host], key=lambda gpu: (gpu.uuid in wish.avoid, gpu.memory or 0, gpu.index)
            )
            return tuple(best[: wish.count])
    return ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A reservation that is about to be written."""

    person: str
    login: str
    kind: str
    wish: Wish
    gpus: tuple[Gpu, ...]
    lease: Lease | None = None

    @classmethod
    def of(cls, actor: Actor, kind: str, wish: Wish, gpus: Sequence[Gpu]) -> Entry:
        """One for whoever acts."""
        return cls(actor.person, actor.login, kind, wish, tuple(gpus))


def insert(store: Store, entry: Entry) -> int:
    """Write it, inside a transaction; its number. Raises Overlap."""
    wish, lease = entry.wish, entry.lease
    rows = store.execute(
        "INSERT INTO reservation (person, login, kind, begins, ends, purpose, experiment, made,"
        " lease, holder) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            entry.person,
            entry.login,
            entry.kind,
            wish.begins,
            wish.ends,
            wish.purpose,
            wish.experiment,
            store.now(),
            lease.until if lease else None,
            lease.holder if lease else "",
        ),
    )
    number = int(str(rows[0][0]))
    # In one order everywhere: two bookings of several GPUs never wait for each other.
    for gpu in sorted(entry.gpus, key=lambda gpu: (gpu.host, gpu.uuid)):
        store.execute(
            "INSERT INTO reserved_gpu (reservation, host, gpu, begins, ends)"
            " VALUES (?, ?, ?, ?, ?)",
            (number, gpu.host, gpu.uuid, wish.begins, wish.ends),
        )
    return number
