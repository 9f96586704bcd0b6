"""Which status may follow which, and what a version has earned."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlws_scaffold.errors import MlwsError
from mlws_scaffold.models.lifecycle import history, moves
from mlws_scaffold.models.lifecycle.history import Record
from mlws_scaffold.models.registry import STATUSES, Model

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
FORWARD = ("development", "testing", "staging", "production", "deprecated")


def record(number: int, version: str, old: str, new: str, action: str = "promote") -> Record:
    return Record.model_validate(
        {
            "at": BEGIN + timedelta(hours=number),
            "actor": "ann",
            "model": "m",
            "action": action,
            "version": version,
            "from": old,
            "to": new,
        }
    )


def model(version: str, status: str = "development") -> Model:
    return Model.model_validate({"source": "custom", "version": version, "status": status})


@st.composite
def walks(draw: st.DrawFn) -> list[str]:
    """A life of one version: any number of legal moves from the start."""
    walk = ["development"]
    for _ in range(draw(st.integers(0, 12))):
        walk.append(draw(st.sampled_from(moves.MOVES[walk[-1]])))
    return walk


def records_of(walk: list[str], version: str = "v1") -> list[Record]:
    pairs = itertools.pairwise(walk)
    return [record(number, version, old, new) for number, (old, new) in enumerate(pairs)]


def test_every_status_has_its_moves_and_leads_only_to_statuses() -> None:
    assert set(moves.MOVES) == set(STATUSES)
    assert {new for following in moves.MOVES.values() for new in following} == set(STATUSES)


@given(walks())
def test_a_version_is_in_production_only_after_testing_and_staging(walk: list[str]) -> None:
    for place, status in enumerate(walk):
        if status == "production":
            start = max(at for at in range(place) if walk[at] == "development")
            assert walk[start : place + 1] == list(FORWARD[:4])


@given(st.sampled_from(STATUSES), st.sampled_from(STATUSES))
def test_a_move_is_refused_exactly_when_the_table_lacks_it(old: str, new: str) -> None:
    step = FORWARD.index(new) - FORWARD.index(old)
    back = new == "development" and old in ("testing", "staging", "deprecated")
    if step == 1 or back:
        moves.refuse_illegal(old, new)  # type: ignore[arg-type]
    else:
        with pytest.raises(MlwsError) as caught:
            moves.refuse_illegal(old, new)  # type: ignore[arg-type]
        assert caught.value.cure.startswith(f"next from {old}")


@given(walks())
def test_what_was_earned_is_lost_at_a_new_start(walk: list[str]) -> None:
    records = records_of(walk)
    start = max(place for place, status in enumerate(walk) if status == "development")
    for status in ("testing", "staging", "production"):
        earned = moves.earned(records, "v1", status)  # type: ignore[arg-type]
        assert (earned is not None) == (status in walk[start:])


@given(walks(), st.sampled_from(STATUSES))
def test_a_new_version_stands_at_the_start_whatever_the_registry_still_says(
    walk: list[str], status: str
) -> None:
    records = records_of(walk)
    standing = moves.standing(model("v2", status), records)
    assert standing == ("development" if records else status)
    if records:
        assert moves.standing(model("v1", status), records) == status


def test_a_rollback_earns_nothing_and_loses_nothing() -> None:
    records = [*records_of(list(FORWARD[:4])), record(9, "v1", "v2", "v1", "rollback")]
    assert moves.earned(records, "v1", "staging") == records[1]
    assert moves.earned(records, "v2", "production") is None


@st.composite
def pointers(draw: st.DrawFn) -> tuple[list[Record], list[str]]:
    """Promotions of new versions and returns to older ones, and the versions below the live one."""
    records: list[Record] = []
    stack: list[str] = []
    for number in range(draw(st.integers(1, 12))):
        if len(stack) > 1 and draw(st.booleans()):
            back = draw(st.integers(0, len(stack) - 2))
            records.append(record(number, stack[back], stack[-1], stack[back], "rollback"))
            del stack[back + 1 :]
        else:
            version = f"v{number}"
            records.append(record(number, version, "staging", "production"))
            stack.append(version)
    return records, stack


@given(pointers())
def test_going_back_leads_to_what_the_live_version_replaced(
    case: tuple[list[Record], list[str]],
) -> None:
    records, stack = case
    found = history.before(records, stack[-1])
    assert (found.version if found else None) == (stack[-2] if len(stack) > 1 else None)


@given(pointers(), st.integers(-1, 14))
def test_what_was_in_production_then_is_what_was_put_there_last(
    case: tuple[list[Record], list[str]], hour: int
) -> None:
    records, _ = case
    when = BEGIN + timedelta(hours=hour, minutes=30)
    found = history.in_production(records, when)
    earlier = [one for one in records if one.at <= when]
    assert found == (earlier[-1] if earlier else None)
