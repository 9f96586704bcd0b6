"""Making a reservation: all the GPUs or none, and what stands in the way when it fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mlws_scaffold.errors import MlwsError
from mlws_scaffold.gpus import store
from mlws_scaffold.gpus.reservations import choosing, leases, limits, log, reading, waiting
from mlws_scaffold.gpus.reservations.choosing import Entry, Lease
from mlws_scaffold.gpus.reservations.times import iso, when
from mlws_scaffold.gpus.reservations.values import BOOKING, Desk, Gpu, Reservation, Wish
from mlws_scaffold.gpus.store import Overlap

_CHOICES = 5


class Taken(MlwsError):
    """The GPUs are not free. `reasons` are the reservations in the way, `free` what is left."""

    def __init__(
        self, message: str, cure: str, reasons: Sequence[Reservation], free: Sequence[Gpu]
    ) -> None:
        super().__init__(message, cure)
        self.reasons = tuple(reasons)
        self.free = tuple(free)


def reserve(
    desk: Desk, wish: Wish, *, kind: str = BOOKING, lease: Lease | None = None
) -> Reservation:
    """All the GPUs of the wish or none. Raises Taken, or UsageError beyond the limits."""
    for _ in range(_CHOICES):
        try:
            return store.transact(desk.store, lambda: _book(desk, wish, kind, lease))
        except Overlap:
            # Another was faster between our look and our write (PostgreSQL): look once more.
            continue
    raise taken(desk, wish)


def _book(desk: Desk, wish: Wish, kind: str, lease: Lease | None) -> Reservation:
    desk.store.lock(f"reservations of {desk.actor.person}")
    now = desk.store.now()
    leases.end_lapsed(desk.store, desk.actor, now)
    waiting.advance(desk, now)
    limits.check_span(desk.limits, wish.begins, wish.ends, now)
    gpus = wish.given or choosing.choose(desk.store, wish, desk.actor.host)
    if not gpus or reading.on(gpus, reading.between(desk.store, wish.begins, wish.ends)):
        raise taken(desk, wish)
    if wish.begins <= now:
        waiting.refuse_jump(desk, gpus)
    limits.check_share(desk, desk.actor.person, len(gpus), (wish.begins, wish.ends))
    entry = replace(Entry.of(desk.actor, kind, wish, gpus), lease=lease)
    number = choosing.insert(desk.store, entry)
    detail = f"{', '.join(gpu.text for gpu in gpus)} {iso(wish.begins)}/{iso(wish.ends)}"
    log.write(desk.store, desk.actor, number, log.Change("reserve", detail, wish.purpose))
    return reading.one(desk.store, number)


def taken(desk: Desk, wish: Wish) -> Taken:
    """Who has them, until when, and what is free instead."""
    known = reading.known_gpus(desk.store)
    if not known and not wish.given:
        cure = "run mlws gpu status on their machine, or describe them in [gpus] static"
        return Taken("no GPU is known", cure, (), ())
    wanted = wish.given or [gpu for gpu in known if wish.host in ("", gpu.host)]
    names = {(gpu.host, gpu.uuid) for gpu in wanted}
    reasons = reading.on(wanted, reading.between(desk.store, wish.begins, wish.ends))
    held = [
        f"{', '.join(gpu.text for gpu in item.gpus if (gpu.host, gpu.uuid) in names)}:"
        f" {item.person} until {when(item.ends)}"
        for item in reasons
    ]
    left = choosing.free(desk.store, wish.begins, wish.ends)
    said = f"not free: {_wanted(wish)}" + (f" ({'; '.join(held)})" if held else "")
    listed = ", ".join(gpu.text for gpu in left) or "none"
    cure = f"free in that time: {listed}; or wait for your turn: mlws gpu queue"
    return Taken(said, cure, reasons, left)


def _wanted(wish: Wish) -> str:
    if wish.given:
        return ", ".join(gpu.text for gpu in wish.given)
    number = f"{wish.count} GPUs of one host" if wish.count > 1 else "one GPU"
    memory = f" with {wish.memory / 1e9:.0f} GB" if wish.memory else ""
    return f"{number}{memory}{f' on {wish.host}' if wish.host else ''}"
