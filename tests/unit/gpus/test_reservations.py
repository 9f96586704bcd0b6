"""Reservations: the database refuses an overlap, whatever is tried, by whomever, killed or not."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlws_scaffold.adapters import children
from mlws_scaffold.errors import MlwsError, UsageError
from mlws_scaffold.gpus import store
from mlws_scaffold.gpus.reservations import booking, changing, leases, log, reading, times, waiting
from mlws_scaffold.gpus.reservations.booking import Taken
from mlws_scaffold.gpus.reservations.choosing import Lease
from mlws_scaffold.gpus.reservations.tables import TABLES
from mlws_scaffold.gpus.reservations.values import RUN, Actor, Desk, Gpu, Limits, Wish
from mlws_scaffold.gpus.store import Store
from tests.support import gpu_stores

HOUR = 3600
GPUS = [Gpu("box", f"GPU-{number}", number, "H200", 80 * 2**30) for number in range(3)]
LIMITS = Limits(72 * HOUR, 3, 30 * 24 * HOUR)
BERLIN = ZoneInfo("Europe/Berlin")
EMPTY = ("reserved_gpu", "ticket", "reservation", "reservation_change")


@pytest.fixture(scope="module", params=gpu_stores.BOTH)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    with gpu_stores.address(request.param, tmp_path_factory.mktemp("store")) as url:
        yield url


@pytest.fixture
def opened(server: str) -> Iterator[Store]:
    with gpu_stores.opened(server) as found:
        empty(found)
        yield found


def empty(found: Store) -> None:
    store.migrate(found, TABLES)
    for table in EMPTY:
        found.execute(f"DELETE FROM {table}")
    reading.remember(found, GPUS)


def desk(found: Store, person: str = "ann", *, leads: bool = False) -> Desk:
    return Desk(found, LIMITS, Actor(person, person, "box", leads))


def wish(found: Store, begins: int = 0, hours: int = 1, **rest: object) -> Wish:
    start = found.now() + begins * HOUR
    return Wish(start, start + hours * HOUR, **rest)  # type: ignore[arg-type]


def test_the_second_is_told_who_has_it_until_when_and_what_is_free(opened: Store) -> None:
    booking.reserve(desk(opened), wish(opened, given=(GPUS[0],)))
    with pytest.raises(Taken) as refused:
        booking.reserve(desk(opened, "ben"), wish(opened, given=(GPUS[0],)))
    assert "box:0: ann until" in refused.value.message
    assert "box:1, box:2" in refused.value.cure


def test_several_gpus_are_all_or_nothing(opened: Store) -> None:
    booking.reserve(desk(opened), wish(opened, given=(GPUS[1],)))
    for asked in (wish(opened, count=3), wish(opened, given=tuple(GPUS))):
        with pytest.raises(Taken):
            booking.reserve(desk(opened, "ben"), asked)
    assert len(booking.reserve(desk(opened, "ben"), wish(opened, count=2)).gpus) == 2


def test_adjacent_reservations_do_not_meet(opened: Store) -> None:
    start = opened.now() + HOUR
    for number in range(3):
        begins = start + number * HOUR
        booking.reserve(desk(opened), Wish(begins, begins + HOUR, (GPUS[0],)))


def test_extending_names_who_is_next_and_leaves_the_end(opened: Store) -> None:
    first = booking.reserve(desk(opened), wish(opened, given=(GPUS[0],)))
    booking.reserve(desk(opened, "ben"), wish(opened, begins=2, given=(GPUS[0],)))
    with pytest.raises(MlwsError, match="ben's from"):
        changing.extend(desk(opened), first.id, first.ends + 2 * HOUR)
    assert reading.one(opened, first.id).ends == first.ends
    assert changing.extend(desk(opened), first.id, first.ends + 600).ends == first.ends + 600


def test_limits_are_kept(opened: Store) -> None:
    for wrong in (wish(opened, hours=73), wish(opened, begins=31 * 24), wish(opened, begins=-2)):
        with pytest.raises(UsageError):
            booking.reserve(desk(opened), wrong)
    tight = Desk(opened, Limits(72 * HOUR, 1, LIMITS.ahead), desk(opened).actor)
    booking.reserve(tight, wish(opened))
    with pytest.raises(UsageError, match="max_gpus"):
        booking.reserve(tight, wish(opened))


def test_only_its_owner_or_a_lead_with_a_reason_ends_it_and_the_log_says_so(opened: Store) -> None:
    made = booking.reserve(desk(opened), wish(opened))
    with pytest.raises(UsageError, match="belongs to ann"):
        changing.release(desk(opened, "ben"), made.id, "mine now")
    with pytest.raises(UsageError, match="belongs to ann") as refused:
        changing.release(desk(opened, "eve", leads=True), made.id)
    assert "--reason" in refused.value.cure
    changing.release(desk(opened, "eve", leads=True), made.id, "she is ill")
    last = log.read(opened)[-1]
    assert (last.actor, last.action, last.reason) == ("eve", "release", "she is ill")


def test_two_releases_at_once_are_one(opened: Store) -> None:
    made = booking.reserve(desk(opened), wish(opened, begins=1))
    for _ in range(2):
        assert changing.release(desk(opened), made.id).released is not None
    assert [entry.action for entry in log.read(opened)].count("release") == 1


def test_a_transfer_moves_it_within_the_limits_of_the_other(opened: Store) -> None:
    made = booking.reserve(desk(opened), wish(opened))
    assert changing.transfer(desk(opened), made.id, "ben").person == "ben"


def test_a_lease_that_nobody_renews_ends_and_a_living_holder_keeps_it(opened: Store) -> None:
    past = opened.now() - 1
    alive = Lease(f"box {children.identity(os.getpid())}", past)
    gone = Lease("box 999999@never", past)
    kept = booking.reserve(desk(opened), wish(opened, given=(GPUS[0],)), kind=RUN, lease=alive)
    # It begins at once, so its lease lies before it: nothing of it is left.
    lost = booking.reserve(desk(opened), wish(opened, given=(GPUS[1],)), kind=RUN, lease=gone)
    waiting.tidy(desk(opened, "ben"))
    assert reading.one(opened, kept.id).state(opened.now()) == "active"
    assert reading.one(opened, lost.id).state(opened.now()) == "released"
    assert not leases.renew(opened, lost.id, 60)
    assert booking.reserve(desk(opened, "ben"), wish(opened, given=(GPUS[1],))).person == "ben"


def test_the_queue_serves_in_order_and_nobody_jumps_it(opened: Store) -> None:
    made = booking.reserve(desk(opened), wish(opened, count=3))
    waiting.join(desk(opened, "ben"), wish(opened, count=2))
    waiting.join(desk(opened, "eve"), wish(opened, count=1))
    assert waiting.claim(desk(opened, "ben")) is None
    changing.release(desk(opened), made.id)
    with pytest.raises(MlwsError):
        booking.reserve(desk(opened), wish(opened, count=2))
    mine = waiting.claim(desk(opened, "ben"))
    assert mine is not None
    assert len(mine.gpus) == 2
    assert waiting.claim(desk(opened, "eve")) is not None


def test_a_clock_that_steps_back_books_nothing_twice(tmp_path: Path) -> None:
    with gpu_stores.opened(f"sqlite:///{tmp_path}/gpus.db") as found:
        empty(found)
        made = booking.reserve(desk(found), wish(found, given=(GPUS[0],)))
        found.clock = lambda: made.begins - 1800  # type: ignore[attr-defined]
        with pytest.raises(Taken):
            booking.reserve(desk(found, "ben"), wish(found, given=(GPUS[0],)))
        assert changing.release(desk(found), made.id).released is not None
        booking.reserve(desk(found, "ben"), wish(found, given=(GPUS[0],)))


@pytest.mark.parametrize(
    ("text", "word", "readings"),
    [
        ("2026-10-25 02:30", "comes twice", ("02:30+02:00", "02:30+01:00")),
        ("2027-03-28 02:30", "does not exist", ("03:30+02:00", "01:30+01:00")),
    ],
)
def test_a_time_that_the_clocks_make_doubtful_is_refused_with_both_readings(
    text: str, word: str, readings: tuple[str, str]
) -> None:
    with pytest.raises(UsageError, match=word) as refused:
        times.moment(text, 0, BERLIN)
    assert all(reading in refused.value.cure for reading in readings)


@given(st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2035, 1, 1)))
def test_every_other_time_comes_back_as_it_was_typed(given_time: datetime) -> None:
    text = f"{given_time:%Y-%m-%d %H:%M}"
    try:
        instant = times.moment(text, 0, BERLIN)
    except UsageError:
        changes = (BERLIN.utcoffset(given_time + timedelta(hours=h)) for h in (-3, 3))
        assert len(set(changes)) == 2
    else:
        assert times.local(instant, BERLIN) == text


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "reserve", "release", "extend"]),
        st.integers(0, 2),
        st.integers(1, 12),
        st.integers(1, 5),
    ),
    max_size=25,
)


@settings(max_examples=12)
@given(steps=STEPS)
def test_the_store_agrees_with_a_list_of_hours(
    server: str, steps: list[tuple[str, int, int, int]]
) -> None:
    """Brute force: a set of (gpu, hour) for each reservation."""
    with gpu_stores.opened(server) as found:
        empty(found)
        start, mine = found.now() + HOUR, desk(found)
        model: dict[int, tuple[int, int, int]] = {}

        def clear(gpu: int, begins: int, ends: int, but: int = 0) -> bool:
            hours = set(range(begins, ends))
            return all(
                number == but or g != gpu or not hours & set(range(b, e))
                for number, (g, b, e) in model.items()
            )

        for what, gpu, at, length in steps:
            chosen = min(model, default=0, key=lambda number: (number * 7 + at) % 11)
            if what == "reserve":
                asked = Wish(start + at * HOUR, start + (at + length) * HOUR, (GPUS[gpu],))
                try:
                    made = booking.reserve(mine, asked)
                except Taken:
                    assert not clear(gpu, at, at + length)
                else:
                    assert clear(gpu, at, at + length)
                    model[made.id] = (gpu, at, at + length)
            elif chosen and what == "release":
                changing.release(mine, chosen)
                del model[chosen]
            elif chosen:
                g, b, _e = model[chosen]
                try:
                    changing.extend(mine, chosen, start + (b + length) * HOUR)
                except MlwsError:
                    assert not clear(g, b, b + length, chosen)
                else:
                    assert clear(g, b, b + length, chosen)
                    model[chosen] = (g, b, b + length)
        rows = found.execute("SELECT reservation, gpu, begins, ends FROM reserved_gpu")
        assert sorted(rows) == sorted(
            (n, f"GPU-{g}", start + b * HOUR, start + e * HOUR) for n, (g, b, e) in model.items()
        )


def _book(url: str, seed: int, attempts: int, told: str) -> None:
    chance = random.Random(seed)
    with gpu_stores.opened(url) as found, Path(told).open("a", buffering=1) as file:
        mine = Desk(found, Limits(72 * HOUR, 99, 90 * 24 * HOUR), Actor(f"p{seed}", "", "box"))
        for _ in range(attempts):
            begins = found.now() + HOUR + chance.randrange(2000) * 600
            try:
                made = booking.reserve(mine, Wish(begins, begins + 1800, (chance.choice(GPUS),)))
            except Taken:
                continue
            file.write(f"{made.id}\n")


@pytest.mark.slow
def test_killed_writers_book_nothing_twice_and_lose_nothing(server: str, tmp_path: Path) -> None:
    with gpu_stores.opened(server) as found:
        empty(found)
        spawn = multiprocessing.get_context("spawn")
        told = [tmp_path / f"told-{seed}" for seed in range(8)]
        workers = [
            spawn.Process(target=_book, args=(server, seed, 60, str(path)))
            for seed, path in enumerate(told)
        ]
        for worker in workers:
            worker.start()
        end = time.monotonic() + 60
        while sum(path.exists() and path.stat().st_size > 0 for path in told) < 8:
            assert time.monotonic() < end
            time.sleep(0.05)
        for worker in workers[::2]:
            if worker.pid:
                os.kill(worker.pid, signal.SIGKILL)
        for worker in workers:
            worker.join(120)
        kept = {str(row[0]) for row in found.execute("SELECT reservation FROM reserved_gpu")}
        for path in told:  # what somebody was told, is there; a killed line may be cut
            assert set(path.read_text().splitlines()) <= kept
        twice = found.execute(
            "SELECT COUNT(*) FROM reserved_gpu AS a JOIN reserved_gpu AS b ON a.gpu = b.gpu"
            " AND a.reservation < b.reservation AND a.begins < b.ends AND b.begins < a.ends"
        )
        assert twice == [(0,)]
