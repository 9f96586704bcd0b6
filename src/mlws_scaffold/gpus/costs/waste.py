"""GPU-hours that brought nothing: idle while allocated, of lost runs, reserved and not used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlws_scaffold.gpus.ledger.book import Usage, cut
from mlws_scaffold.gpus.store import Store

# A run that has not ended is lost when nothing was entered for so long.
LATE_SECONDS = 600.0
_HOUR = 3600.0
_LOST = ("FAILED", "KILLED")


@dataclass(frozen=True, slots=True)
class Booked:
    """A GPU that was reserved for a time. Seconds since 1970."""

    gpu: str
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Waste:
    """GPU-hours. `idle` is only of what was measured; `lost` counts runs that failed, were killed
    or never ended; `unused` is None where no reservations are kept.
    """

    idle: float
    lost: float
    lost_runs: int
    unused: float | None


def wasted(
    usages: Sequence[Usage], booked: Sequence[Booked] | None, since: float, until: float
) -> Waste:
    """The waste of a time, from `since` up to `until`."""
    idle = lost = 0.0
    lost_runs = 0
    for usage in usages:
        parts = [part for one in usage.segments if (part := cut(one, since, until))]
        hours = sum(one.seconds for one in parts) / _HOUR
        idle += sum(one.seconds - one.busy for one in parts if one.busy is not None) / _HOUR
        late = not usage.state and until - usage.seen > LATE_SECONDS
        if parts and (usage.state in _LOST or late):
            lost += hours
            lost_runs += 1
    unused = None if booked is None else _unused(usages, booked, since, until)
    return Waste(max(idle, 0.0), lost, lost_runs, unused)


def reservations(store: Store, since: float, until: float) -> list[Booked] | None:
    """What was reserved in that time; None where the store holds no reservations."""
    if not store.version("reservations"):
        return None
    rows = store.execute(
        "SELECT slot.gpu, slot.begins, slot.ends FROM reserved_gpu AS slot"
        " JOIN reservation ON reservation.id = slot.reservation"
        " WHERE reservation.kind <> 'hold' AND slot.ends > ? AND slot.begins < ?",
        (int(since), int(until)),
    )
    return [Booked(str(gpu), float(str(began)), float(str(ended))) for gpu, began, ended in rows]


def _unused(usages: Sequence[Usage], booked: Sequence[Booked], since: float, until: float) -> float:
    used: dict[str, list[tuple[float, float]]] = {}
    for usage in usages:
        for one in usage.segments:
            used.setdefault(one.gpu, []).append((one.began, one.ended))
    total = 0.0
    for slot in booked:
        began, ended = max(slot.began, since), min(slot.ended, until)
        if ended <= began:
            continue
        taken, at = 0.0, began
        # Two runs may share a GPU: their common time counts once.
        for start, stop in sorted(used.get(slot.gpu, ())):
            start, stop = max(start, at), min(stop, ended)
            if stop > start:
                taken += stop - start
                at = stop
        total += ended - began - taken
    return total / _HOUR
