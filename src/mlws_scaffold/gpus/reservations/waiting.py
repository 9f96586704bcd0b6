"""The queue: first come, first served. Whose turn it is gets a short hold, which lapses unclaimed.

Nothing runs in the background: whoever reserves, looks or waits moves the queue on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlws_scaffold.errors import MlwsError, UsageError
from mlws_scaffold.gpus import store
from mlws_scaffold.gpus.reservations import choosing, leases, limits, log, reading
from mlws_scaffold.gpus.reservations.choosing import Entry, Lease
from mlws_scaffold.gpus.reservations.values import BOOKING, HOLD, Desk, Gpu, Reservation, Wish
from mlws_scaffold.gpus.store import Overlap, Store

# How long a turn is kept for the one who waited.
HOLD_SECONDS = 600
_OPEN = (
    "SELECT id, person, login, wanted, memory, host, seconds, purpose, experiment, made, hold"
    " FROM ticket WHERE closed = '' ORDER BY id"
)


@dataclass(frozen=True, slots=True)
class Ticket:
    """A place in the queue. `hold` is the reservation that is kept for it when its turn came."""

    id: int
    person: str
    login: str
    wanted: int
    memory: int
    host: str
    seconds: int
    purpose: str
    experiment: str
    made: int
    hold: int | None

    def wish(self, now: int) -> Wish:
        """What it wants, from now on."""
        return Wish(
            now,
            now + self.seconds,
            count=self.wanted,
            memory=self.memory,
            host=self.host,
            purpose=self.purpose,
            experiment=self.experiment,
        )


def tickets(store: Store) -> list[Ticket]:
    """Everybody who waits, or whose turn it is, in order."""
    return [Ticket(*row) for row in store.execute(_OPEN)]  # type: ignore[arg-type]


def join(desk: Desk, wish: Wish) -> Ticket:
    """Take a place at the end. Raises UsageError for what can never be had."""
    seconds = wish.ends - wish.begins
    limits.check_span(desk.limits, wish.begins, wish.ends, wish.begins)
    fitting = [gpu for gpu in reading.known_gpus(desk.store) if _fits(gpu, wish.host, wish.memory)]
    hosts = [gpu.host for gpu in fitting]
    if max((hosts.count(host) for host in hosts), default=0) < wish.count:
        listed = ", ".join(sorted({gpu.text for gpu in fitting})) or "none"
        raise UsageError("no host has so many such GPUs, ever", f"those that fit: {listed}")
    if wish.count > desk.limits.gpus:
        raise UsageError(
            f"{wish.count} GPUs are more than the {desk.limits.gpus} of [gpus] max_gpus",
            "wait for fewer",
        )

    def add() -> int:
        desk.store.lock("queue")
        if any(item.person == desk.actor.person for item in tickets(desk.store)):
            raise UsageError(
                f"{desk.actor.person} waits already", "see mlws gpu queue; leave with --leave"
            )
        rows = desk.store.execute(
            "INSERT INTO ticket (person, login, wanted, memory, host, seconds, purpose,"
            " experiment, made, hold, closed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, '')"
            " RETURNING id",
            (
                desk.actor.person,
                desk.actor.login,
                wish.count,
                wish.memory,
                wish.host,
                seconds,
                wish.purpose,
                wish.experiment,
                desk.store.now(),
            ),
        )
        return int(str(rows[0][0]))

    number = store.transact(desk.store, add)
    tidy(desk)
    return next(item for item in tickets(desk.store) if item.id == number)


def leave(desk: Desk) -> Ticket:
    """Give up one's place, and the hold when the turn had come."""

    def close() -> Ticket:
        desk.store.lock("queue")
        ticket = _mine(desk)
        _close(desk.store, ticket, "left")
        if ticket.hold is not None:
            held = reading.one(desk.store, ticket.hold)
            leases.end_at(desk.store, held.id, held.begins, desk.store.now())
            log.write(desk.store, desk.actor, held.id, log.Change("release", "left the queue"))
        return ticket

    return store.transact(desk.store, close)


def claim(desk: Desk) -> Reservation | None:
    """Make the hold of whose turn it is a booking; None while the turn has not come.

    Raises UsageError for one who does not wait.
    """
    tidy(desk)

    def take() -> Reservation | None:
        desk.store.lock("queue")
        ticket = _mine(desk)
        return None if ticket.hold is None else confirm(desk, ticket.hold)

    return store.transact(desk.store, take)


def confirm(desk: Desk, hold: int) -> Reservation:
    """Inside a transaction: the hold is a booking from now on."""
    desk.store.execute(
        "UPDATE reservation SET kind = ?, lease = NULL WHERE id = ?", (BOOKING, hold)
    )
    desk.store.execute(
        "UPDATE ticket SET closed = ? WHERE hold = ? AND closed = ''", ("claimed", hold)
    )
    log.write(desk.store, desk.actor, hold, log.Change("claim", "its turn in the queue"))
    return reading.one(desk.store, hold)


def tidy(desk: Desk) -> None:
    """End what lapsed and move the queue on; writes only when there is something to do."""
    now = desk.store.now()
    if not reading.unsettled(desk.store):
        return

    def move() -> None:
        leases.end_lapsed(desk.store, desk.actor, now)
        advance(desk, now)

    try:
        store.transact(desk.store, move)
    except Overlap:
        return  # somebody reserved at this moment; the next look moves the queue


def advance(desk: Desk, now: int) -> None:
    """Inside a transaction: give a hold to everybody whose turn has come.

    The first who cannot be served yet keeps those behind from passing.
    """
    waiting = tickets(desk.store)
    if not waiting:
        return
    desk.store.lock("queue")
    for ticket in tickets(desk.store):
        if ticket.hold is not None:
            if reading.one(desk.store, ticket.hold).state(now) != "active":
                _close(desk.store, ticket, "lapsed")
            continue
        if not _serve(desk, ticket, now):
            return


def _serve(desk: Desk, ticket: Ticket, now: int) -> bool:
    """Give the hold; False when the GPUs are not free. One at their own limit is passed by."""
    wish = ticket.wish(now)
    try:
        limits.check_share(desk, ticket.person, ticket.wanted, (wish.begins, wish.ends))
    except UsageError:
        return True
    gpus = choosing.choose(desk.store, wish, ticket.host or desk.actor.host)
    if not gpus:
        return False
    lease = Lease("", now + HOLD_SECONDS)
    entry = Entry(ticket.person, ticket.login, HOLD, wish, gpus, lease)
    number = choosing.insert(desk.store, entry)
    desk.store.execute("UPDATE ticket SET hold = ? WHERE id = ?", (number, ticket.id))
    log.write(
        desk.store,
        desk.actor,
        number,
        log.Change("hold", f"the turn of {ticket.person}", ticket.purpose),
    )
    return True


def refuse_jump(desk: Desk, gpus: Sequence[Gpu]) -> None:
    """Raises MlwsError when others wait for such GPUs: they may not be taken from now on."""
    ahead = [
        ticket
        for ticket in tickets(desk.store)
        if ticket.hold is None
        and ticket.person != desk.actor.person
        and any(_fits(gpu, ticket.host, ticket.memory) for gpu in gpus)
    ]
    if ahead:
        listed = ", ".join(f"{ticket.person} ({ticket.wanted})" for ticket in ahead)
        raise MlwsError(
            f"others wait for these GPUs: {listed}",
            "wait for your turn: mlws gpu queue --gpus N --for 4h; or reserve a later time",
        )


def _fits(gpu: Gpu, host: str, memory: int) -> bool:
    return host in ("", gpu.host) and (gpu.memory or 0) >= memory


def _mine(desk: Desk) -> Ticket:
    for ticket in tickets(desk.store):
        if ticket.person == desk.actor.person:
            return ticket
    raise UsageError(f"{desk.actor.person} does not wait", "mlws gpu queue --for 4h takes a place")


def _close(store: Store, ticket: Ticket, how: str) -> None:
    store.execute("UPDATE ticket SET closed = ? WHERE id = ?", (how, ticket.id))
