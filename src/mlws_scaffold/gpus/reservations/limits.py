"""What one person may reserve: `[gpus] max_hours, max_gpus, horizon_days` of `mlws.toml`."""

from __future__ import annotations

from collections.abc import Iterable

from mlws_scaffold.errors import UsageError
from mlws_scaffold.gpus.reservations import reading
from mlws_scaffold.gpus.reservations.times import long, when
from mlws_scaffold.gpus.reservations.values import Desk, Limits, Reservation

# Typing takes a while: `--from 14:00` is still meant at 14:00:50.
_PAST_SECONDS = 60


def check_span(limits: Limits, begins: int, ends: int, now: int) -> None:
    """Raises UsageError for an interval that nobody may reserve."""
    if ends <= begins:
        raise UsageError("a reservation ends after it begins", "give a later --until, or --for 4h")
    if begins < now - _PAST_SECONDS or ends <= now:
        past = begins if begins < now - _PAST_SECONDS else ends
        raise UsageError(f"{when(past)} is in the past", "leave out --from, or name its day")
    if ends - begins > limits.longest:
        raise UsageError(
            f"{long(ends - begins)} is longer than the {long(limits.longest)} of [gpus] max_hours",
            "reserve less, and extend it when you still need it",
        )
    if begins > now + limits.ahead:
        raise UsageError(
            f"{when(begins)} is further ahead than the {long(limits.ahead)} of [gpus] horizon_days",
            "reserve nearer to the day",
        )


def check_share(desk: Desk, person: str, more: int, during: tuple[int, int], but: int = 0) -> None:
    """Raises UsageError when the person would hold more GPUs at a time than [gpus] max_gpus.

    `but` is a reservation that does not count.
    """
    theirs = [item for item in reading.of_person(desk.store, person, *during) if item.id != but]
    most = more + most_at_once(theirs, *during)
    if most > desk.limits.gpus:
        listed = ", ".join(f"{item.id} ({len(item.gpus)} GPUs)" for item in theirs)
        raise UsageError(
            f"{person} would have {most} GPUs at a time; [gpus] max_gpus allows {desk.limits.gpus}",
            f"release one of these reservations first: {listed}" if theirs else "reserve fewer",
        )


def most_at_once(held: Iterable[Reservation], begins: int, ends: int) -> int:
    """The largest number of GPUs that these reservations hold at one moment of the interval."""
    held = [item for item in held if item.ends > begins and item.begins < ends]
    starts = {begins, *(item.begins for item in held if item.begins > begins)}
    return max(
        sum(len(item.gpus) for item in held if item.begins <= at < item.ends) for at in starts
    )
