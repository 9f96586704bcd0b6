"""Laws of the ledger, on both stores: nothing counts twice, nothing is lost, parts add up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlws_scaffold.gpus.costs import waste
from mlws_scaffold.gpus.costs.pricing import Prices
from mlws_scaffold.gpus.costs.waste import Booked
from mlws_scaffold.gpus.ledger import book
from mlws_scaffold.gpus.ledger.book import Segment, Subject, Usage
from mlws_scaffold.gpus.reservations.tables import TABLES
from mlws_scaffold.gpus.store import Store, migrate
from mlws_scaffold.workspace.config import Price
from tests.support import gpu_stores

BASE = 1_700_000_000
# Steps of one GPU: how long it was held, how long it was not afterwards, the share that was busy.
_steps = st.lists(
    st.tuples(
        st.integers(1, 200_000), st.sampled_from([0, 0, 5, 100_000]), st.none() | st.floats(0, 1)
    ),
    min_size=1,
    max_size=8,
)


@pytest.fixture(params=gpu_stores.BOTH)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with gpu_stores.address(request.param, tmp_path) as url, gpu_stores.opened(url) as made:
        yield book.opened(made)


def _segments(run: str, steps: list[tuple[int, int, float | None]]) -> list[Segment]:
    found, at = [], float(BASE)
    for seconds, gap, share in steps:
        busy = None if share is None else seconds * share
        found.append(Segment(run, "GPU-1", "M", "h", "nvml", at, at + seconds, busy, busy))
        at += seconds + gap
    return found


def _total(usages: list[Usage], run: str) -> tuple[float, float]:
    parts = [part for one in usages if one.subject.run_id == run for part in one.segments]
    return sum(part.seconds for part in parts), sum(part.busy or 0.0 for part in parts)


_runs = iter(range(1_000_000))


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=_steps, cut=st.integers(0, 500_000))
def test_what_is_entered_twice_counts_once_and_two_halves_are_the_whole(
    store: Store, steps: list[tuple[int, int, float | None]], cut: int
) -> None:
    run = f"run-{next(_runs)}"
    segments = _segments(run, steps)
    for _ in range(2):
        book.begin(store, Subject(run, "x", "ann", "human", "local"), BASE)
        book.add(store, segments)
    whole = _total(book.read(store), run)
    assert whole[0] == pytest.approx(sum(one.seconds for one in segments))
    assert whole[1] == pytest.approx(sum(one.busy or 0.0 for one in segments))
    before = _total(book.read(store, until=BASE + cut), run)
    after = _total(book.read(store, since=BASE + cut), run)
    assert before[0] + after[0] == pytest.approx(whole[0])
    assert before[1] + after[1] == pytest.approx(whole[1])


def test_the_database_itself_refuses_to_change_what_was_entered(store: Store) -> None:
    book.begin(store, Subject("r", "x", "ann", "human", "local"), BASE)
    book.add(store, _segments("r", [(60, 0, 1.0)]))
    for statement in ("UPDATE usage_segments SET busy = 0", "DELETE FROM usage_runs"):
        with pytest.raises(Exception, match="append-only"):
            store.execute(statement)


def test_a_run_that_went_on_after_an_end_has_not_ended(store: Store) -> None:
    book.begin(store, Subject("r", "x", "ann", "human", "slurm"), BASE)
    first, second = _segments("r", [(60, 100, 1.0), (60, 0, 1.0)])
    book.add(store, [first])
    book.end(store, "r", first.ended, "KILLED")
    assert [one.state for one in book.read(store)] == ["KILLED"]
    book.add(store, [second])
    assert [one.state for one in book.read(store)] == [""]
    book.end(store, "r", second.ended, "FINISHED")
    assert [one.state for one in book.read(store)] == ["FINISHED"]


def test_reserved_time_that_no_run_used_is_found_in_the_reservations(store: Store) -> None:
    assert waste.reservations(store, 0, 2e9) is None
    migrate(store, TABLES)
    for number, kind in enumerate(("booking", "hold"), 1):
        begins = BASE + (number - 1) * 7200
        [(key,)] = store.execute(
            "INSERT INTO reservation (person, login, kind, begins, ends, purpose, experiment, made,"
            " holder) VALUES ('ann', 'ann', ?, ?, ?, '', '', 0, '') RETURNING id",
            (kind, begins, begins + 7200),
        )
        store.execute(
            "INSERT INTO reserved_gpu (reservation, host, gpu, begins, ends)"
            " VALUES (?, 'h', 'GPU-1', ?, ?)",
            (key, begins, begins + 7200),
        )
    booked = waste.reservations(store, 0, 2e9)
    assert booked == [Booked("GPU-1", BASE, BASE + 7200)]
    book.begin(store, Subject("r", "x", "ann", "human", "local"), BASE)
    book.add(store, _segments("r", [(1800, 0, 1.0)]))
    found = waste.wasted(book.read(store), booked, 0, 2e9)
    assert found.unused == pytest.approx(1.5)
    assert found.idle == pytest.approx(0)


@settings(max_examples=60, deadline=None)
@given(
    days=st.lists(st.integers(1, 28), max_size=4, unique=True),
    began=st.integers(0, 40 * 86400),
    seconds=st.integers(1, 20 * 86400),
)
def test_every_second_has_the_price_of_its_day_or_none(
    days: list[int], began: int, seconds: int
) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC).timestamp() + began
    prices = Prices([Price("M", float(day), "USD", date(2026, 1, day)) for day in days])
    pieces = list(prices.pieces(" m ", start, start + seconds))
    assert sum(one.ended - one.began for one in pieces) == pytest.approx(seconds)
    assert sum(one.share for one in pieces) == pytest.approx(1)
    for one in pieces:
        for at in (one.began, (one.began + one.ended) / 2):
            today = datetime.fromtimestamp(at, UTC).date()
            valid = [day for day in days if date(2026, 1, day) <= today]
            assert (one.price.per_hour if one.price else None) == (max(valid) if valid else None)
    assert all(one.price is None for one in prices.pieces("M-80GB", start, start + seconds))
