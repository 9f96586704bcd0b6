"""Releasing what nobody uses: bookings whose GPUs every look found without work for long enough.

Nothing runs in the background: a cron line calls `mlws gpu release --idle`, and each call looks.
"""

from __future__ import annotations

from mlws_scaffold.gpus import reporting
from mlws_scaffold.gpus.reservations import changing, reading, times
from mlws_scaffold.gpus.reservations.values import BOOKING, Desk, Reservation
from mlws_scaffold.workspace.config import Workspace


def release(place: Workspace, desk: Desk) -> list[Reservation]:
    """End the bookings on this machine that were idle for `[gpus] idle_minutes`.

    One's own; a lead's call ends those of others too. The first look starts the time.
    """
    reporting.report(place)
    now = desk.store.now()
    limit = place.config.gpus.idle_minutes * 60
    return [
        changing.release(desk, item.id, f"unused for {times.long(now - item.idle)}")
        for item in reading.between(desk.store, now, now + 1)
        if item.kind == BOOKING
        and item.idle is not None
        and now - max(item.idle, item.begins) >= limit
        and all(gpu.host == desk.actor.host for gpu in item.gpus)
        and (item.person == desk.actor.person or desk.actor.leads)
    ]
