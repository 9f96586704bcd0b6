"""Which command uses which GPU of a booking: two commands inside one never get the same."""

from __future__ import annotations

from collections.abc import Sequence

from mlws_scaffold.adapters import children
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.gpus import store
from mlws_scaffold.gpus.reservations.choosing import Lease
from mlws_scaffold.gpus.reservations.values import Desk, Gpu, Reservation
from mlws_scaffold.gpus.store import Store


def take(
    desk: Desk, found: Reservation, fitting: Sequence[Gpu], count: int, lease: Lease
) -> tuple[Gpu, ...]:
    """So many of the GPUs (0: all) that no other command uses; empty when they are too few.

    Raises MlwsError when all were wanted and none is left.
    """

    def choose() -> tuple[Gpu, ...]:
        desk.store.lock(f"uses of {found.id}")
        used = _in_use(desk, found.id)
        left = [gpu for gpu in fitting if (gpu.host, gpu.uuid) not in used]
        if not left and not count:
            raise MlwsError(
                f"another command uses all the GPUs of reservation {found.id}",
                "wait for its end, or take others: --gpus N",
            )
        chosen = tuple(left[: count or len(left)])
        if len(chosen) < count:
            return ()
        for gpu in chosen:
            desk.store.execute(
                "INSERT INTO gpu_use (host, gpu, reservation, holder, lease)"
                " VALUES (?, ?, ?, ?, ?)",
                (gpu.host, gpu.uuid, found.id, lease.holder, lease.until),
            )
        return chosen

    return store.transact(desk.store, choose)


def renew(opened: Store, number: int, gpus: Sequence[Gpu], until: int) -> None:
    """Keep them for so long."""
    for gpu in gpus:
        opened.execute(
            "UPDATE gpu_use SET lease = ? WHERE reservation = ? AND host = ? AND gpu = ?",
            (until, number, gpu.host, gpu.uuid),
        )


def give_back(opened: Store, number: int, gpus: Sequence[Gpu]) -> None:
    """Another command may use them."""
    for gpu in gpus:
        opened.execute(
            "DELETE FROM gpu_use WHERE reservation = ? AND host = ? AND gpu = ?",
            (number, gpu.host, gpu.uuid),
        )


def _in_use(desk: Desk, reservation: int) -> set[tuple[str, str]]:
    """Those that a command keeps; what a killed one left is swept out."""
    now, used = desk.store.now(), set()
    rows = desk.store.execute(
        "SELECT host, gpu, holder, lease FROM gpu_use WHERE reservation = ?", (reservation,)
    )
    for host, gpu, holder, lease in rows:
        where, _, process = str(holder).partition(" ")
        if int(str(lease)) > now or (where == desk.actor.host and children.alive(process)):
            used.add((str(host), str(gpu)))
        else:
            desk.store.execute(
                "DELETE FROM gpu_use WHERE reservation = ? AND host = ? AND gpu = ?",
                (reservation, host, gpu),
            )
    return used
