"""Reservations that a process keeps alive: past its lease one is over, unless the process lives."""

from __future__ import annotations

from mlws_scaffold.adapters import children
from mlws_scaffold.gpus import store
from mlws_scaffold.gpus.reservations import log
from mlws_scaffold.gpus.reservations.values import Actor
from mlws_scaffold.gpus.store import Store


def end_lapsed(store: Store, actor: Actor, now: int) -> int:
    """Inside a transaction: end what nobody keeps alive any more; how many.

    A holder on this machine that still lives is left alone: it was suspended, or a clock jumped.
    """
    rows = store.execute(
        "SELECT id, begins, lease, holder FROM reservation"
        " WHERE lease IS NOT NULL AND lease < ends AND lease <= ? AND released IS NULL",
        (now,),
    )
    ended = 0
    for number, begins, lease, holder in rows:
        host, _, process = str(holder).partition(" ")
        if process and host == actor.host and children.alive(process):
            continue
        end_at(store, int(str(number)), int(str(begins)), int(str(lease)))
        log.write(store, actor, int(str(number)), log.Change("lapse", "its lease ran out"))
        ended += 1
    return ended


def end_at(store: Store, number: int, begins: int, instant: int) -> None:
    """Inside a transaction: the reservation is over from then on, also when it never began."""
    if instant <= begins:
        store.execute("DELETE FROM reserved_gpu WHERE reservation = ?", (number,))
        store.execute("UPDATE reservation SET released = ? WHERE id = ?", (instant, number))
        return
    store.execute(
        "UPDATE reserved_gpu SET ends = ? WHERE reservation = ? AND ends > ?",
        (instant, number, instant),
    )
    store.execute(
        "UPDATE reservation SET ends = ?, released = ? WHERE id = ? AND ends > ?",
        (instant, instant, number, instant),
    )


def renew(opened: Store, number: int, seconds: int) -> bool:
    """Keep it alive for so long from now; False when it is over already."""

    def beat() -> bool:
        until = opened.now() + seconds
        rows = opened.execute(
            "UPDATE reservation SET lease = CASE WHEN lease > ? THEN lease ELSE ? END"
            " WHERE id = ? AND released IS NULL AND ends > ? RETURNING id",
            (until, until, number, opened.now()),
        )
        return bool(rows)

    return store.transact(opened, beat)
