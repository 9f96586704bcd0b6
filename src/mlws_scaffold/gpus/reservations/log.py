"""Who changed which reservation, when and why. Written in the transaction of the change."""

from __future__ import annotations

from dataclasses import dataclass

from mlws_scaffold.gpus.reservations.values import Actor
from mlws_scaffold.gpus.store import Store


@dataclass(frozen=True, slots=True)
class Change:
    """What was done: reserve, extend, release, transfer, lapse, hold, claim, import."""

    action: str
    detail: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A change as it was written down. `at` in seconds since 1970."""

    at: int
    actor: str
    login: str
    host: str
    reservation: int
    action: str
    detail: str
    reason: str


def write(store: Store, actor: Actor, reservation: int, change: Change) -> None:
    """Add a line."""
    store.execute(
        "INSERT INTO reservation_change (at, actor, login, host, reservation, action, detail,"
        " reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            store.now(),
            actor.person,
            actor.login,
            actor.host,
            reservation,
            change.action,
            change.detail,
            change.reason,
        ),
    )


def read(store: Store, reservation: int = 0, most: int = 200) -> list[Entry]:
    """The last changes, of one reservation or of all, oldest first."""
    rows = store.execute(
        "SELECT at, actor, login, host, reservation, action, detail, reason"
        " FROM reservation_change WHERE reservation = ? OR ? = 0 ORDER BY id DESC LIMIT ?",
        (reservation, reservation, most),
    )
    return [Entry(*row) for row in reversed(rows)]  # type: ignore[arg-type]
