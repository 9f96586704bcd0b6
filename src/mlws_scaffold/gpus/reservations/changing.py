"""Changing a reservation: extend or shorten, release, hand to another person."""

from __future__ import annotations

from mlws_scaffold.errors import MlwsError, UsageError, did_you_mean
from mlws_scaffold.gpus import store
from mlws_scaffold.gpus.reservations import leases, limits, log, reading, waiting
from mlws_scaffold.gpus.reservations.times import iso, when
from mlws_scaffold.gpus.reservations.values import Desk, Reservation
from mlws_scaffold.gpus.store import Overlap


def extend(desk: Desk, number: int, ends: int, reason: str = "") -> Reservation:
    """Let it end at another time. Raises MlwsError, which names who is next, when it cannot."""

    def move() -> Reservation:
        now, found = desk.store.now(), _open(desk, number, reason)
        limits.check_span(desk.limits, max(found.begins, now), ends, now)
        limits.check_span(desk.limits, found.begins, ends, found.begins)  # its whole length
        during = (found.begins, ends)
        limits.check_share(desk, found.person, len(found.gpus), during, but=number)
        for table, key in (("reserved_gpu", "reservation"), ("reservation", "id")):
            desk.store.execute(f"UPDATE {table} SET ends = ? WHERE {key} = ?", (ends, number))  # noqa: S608
        detail = f"{iso(found.ends)} -> {iso(ends)}"
        log.write(desk.store, desk.actor, number, log.Change("extend", detail, reason))
        return reading.one(desk.store, number)

    try:
        return store.transact(desk.store, move)
    except Overlap:
        raise _next(desk, number, ends) from None


def release(desk: Desk, number: int, reason: str = "") -> Reservation:
    """End it now; one that has not begun is gone. Done twice it is done once."""

    def end() -> Reservation:
        found = reading.one(desk.store, number)
        if found.released is not None:
            return found
        now = desk.store.now()
        found = _open(desk, number, reason)
        leases.end_at(desk.store, number, found.begins, now)
        detail = f"{iso(found.ends)} -> {iso(now)}"
        log.write(desk.store, desk.actor, number, log.Change("release", detail, reason))
        waiting.advance(desk, now)
        return reading.one(desk.store, number)

    try:
        return store.transact(desk.store, end)
    except Overlap:
        # Moving the queue on met a booking of the same moment; releasing itself never overlaps.
        return store.transact(desk.store, end)


def transfer(desk: Desk, number: int, person: str, reason: str = "") -> Reservation:
    """Give it to another member of the team. Raises UsageError beyond that person's limits."""

    def give() -> Reservation:
        desk.store.lock(f"reservations of {person}")
        found = _open(desk, number, reason)
        if found.kind != "booking":
            raise UsageError(
                f"reservation {number} belongs to a running command", "only a booking can be given"
            )
        limits.check_share(desk, person, len(found.gpus), (found.begins, found.ends))
        desk.store.execute(
            "UPDATE reservation SET person = ?, login = ? WHERE id = ?",
            (person, _login(desk, person), number),
        )
        change = log.Change("transfer", f"{found.person} -> {person}", reason)
        log.write(desk.store, desk.actor, number, change)
        return reading.one(desk.store, number)

    return store.transact(desk.store, give)


def known_person(person: str, team: list[str]) -> str:
    """The person, when the team has them. Raises UsageError."""
    if person not in team:
        cure = f"{did_you_mean(person, team)}; or add [team.{person}] to mlws.toml"
        raise UsageError(f"{person!r} is not in [team] of mlws.toml", cure)
    return person


def _open(desk: Desk, number: int, reason: str) -> Reservation:
    """One that goes on or will begin, and that whoever acts may change."""
    found = reading.one(desk.store, number)
    if found.state(desk.store.now()) not in ("pending", "active"):
        raise UsageError(f"reservation {number} is over since {when(found.ends)}", "make a new one")
    if found.person != desk.actor.person:
        if not desk.actor.leads:
            raise UsageError(
                f"reservation {number} belongs to {found.person}", "ask them, or a lead of the team"
            )
        if not reason:
            raise UsageError(
                f"reservation {number} belongs to {found.person}", "say why with --reason"
            )
    return found


def _login(desk: Desk, person: str) -> str:
    """The Unix user with whom the person reserved last; empty when that is not known."""
    rows = desk.store.execute(
        "SELECT login FROM reservation WHERE person = ? AND login <> '' ORDER BY id DESC LIMIT 1",
        (person,),
    )
    return str(rows[0][0]) if rows else ""


def _next(desk: Desk, number: int, ends: int) -> MlwsError:
    found = reading.one(desk.store, number)
    inside = reading.between(desk.store, found.ends, ends)
    others = [item for item in reading.on(found.gpus, inside) if item.id != number]
    listed = "; ".join(
        f"{', '.join(gpu.text for gpu in item.gpus)} is {item.person}'s from {when(item.begins)}"
        for item in others
    )
    return MlwsError(
        f"reservation {number} cannot go on until {when(ends)}: {listed or 'somebody is next'}",
        f"until {when(min((item.begins for item in others), default=found.ends))} is free",
    )
