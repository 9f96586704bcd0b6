"""Wald's test: its error rates by simulation, and its laws."""

from __future__ import annotations

import random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlws_scaffold.agents.watching.sequential import Ratio

ERRORS = Ratio(good=0.005, bad=0.05, alpha=0.01, beta=0.05)
SLOW = Ratio(good=0.05, bad=0.25, alpha=0.01, beta=0.05)
RUNS = 600


def first_answer(test: Ratio, rate: float, chance: random.Random) -> tuple[str, int]:
    """The first answer of one run and after how many requests it came."""
    outcomes: list[bool] = []
    while (answer := test.run(outcomes)) == "open":
        outcomes.append(chance.random() < rate)
        if len(outcomes) > 3000:
            break
    return answer, len(outcomes)


@pytest.mark.parametrize(
    ("test", "rate", "bad", "typical"),
    [
        (ERRORS, 0.05, (0.90, 0.99), (35, 75)),
        (ERRORS, 0.10, (0.98, 1.0), (15, 40)),
        (ERRORS, 1.0, (1.0, 1.0), (2, 2)),
        (ERRORS, 0.0, (0.0, 0.0), (65, 65)),
        (ERRORS, 0.005, (0.0, 0.015), (60, 130)),
        (SLOW, 0.95, (1.0, 1.0), (3, 4)),
        (SLOW, 0.05, (0.0, 0.015), (11, 25)),
    ],
)
def test_the_test_errs_as_rarely_and_ends_as_early_as_was_measured(
    test: Ratio, rate: float, bad: tuple[float, float], typical: tuple[int, int]
) -> None:
    """The table of the simulation that chose these numbers, with room for chance."""
    chance = random.Random(7)
    runs = [first_answer(test, rate, chance) for _ in range(RUNS)]
    share = sum(1 for answer, _ in runs if answer == "bad") / RUNS
    assert bad[0] <= share <= bad[1]
    assert typical[0] <= median(count for _, count in runs) <= typical[1]


@given(st.lists(st.booleans(), max_size=300), st.lists(st.booleans(), max_size=50))
def test_bad_is_final_whatever_comes_after(before: list[bool], after: list[bool]) -> None:
    if ERRORS.run(before) == "bad":
        assert ERRORS.run([*before, *after]) == "bad"


@given(st.lists(st.booleans(), max_size=300))
def test_a_failure_in_place_of_a_good_end_never_makes_a_version_look_better(
    outcomes: list[bool],
) -> None:
    order = {"good": 0, "open": 1, "bad": 2}
    worse = [*outcomes, True]
    assert order[ERRORS.run(worse)] >= order[ERRORS.run([*outcomes, False])]


@given(st.integers(0, 2000))
def test_no_failure_is_never_bad_and_enough_of_them_are_good(count: int) -> None:
    assert ERRORS.run([False] * count) == ("good" if count >= 65 else "open")


def test_a_version_that_turns_bad_after_it_looked_good_is_found() -> None:
    assert ERRORS.run([False] * 500 + [True] * 3) == "bad"
