"""Percentiles and paired ratios: laws, and how often the interval holds the truth."""

from __future__ import annotations

import math
import random
import statistics as standard

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlws_scaffold.models.benchmark import statistics
from mlws_scaffold.models.benchmark.statistics import Ratio

TIME = st.floats(1e-4, 1e4)
PAIRS = st.lists(st.tuples(TIME, TIME), min_size=1, max_size=40)


@given(st.lists(TIME, min_size=20, max_size=60), st.randoms())
def test_a_p95_lies_among_the_values_whatever_their_order(
    values: list[float], order: random.Random
) -> None:
    found = statistics.p95(values)
    assert found is not None
    assert found == pytest.approx(standard.quantiles(values, n=100, method="inclusive")[94])
    shuffled = list(values)
    order.shuffle(shuffled)
    assert statistics.p95(shuffled) == found
    assert sum(value > found for value in values) <= math.ceil(0.05 * (len(values) - 1))


@pytest.mark.parametrize("count", [0, 1, 19])
def test_a_p95_of_too_few_values_is_not_told(count: int) -> None:
    assert statistics.p95([1.0] * count) is None
    assert statistics.p50([1.0] * count) == (1.0 if count else None)


@given(PAIRS)
def test_swapping_both_models_inverts_the_ratio(pairs: list[tuple[float, float]]) -> None:
    one, other = statistics.ratio(pairs), statistics.ratio([(b, a) for a, b in pairs])
    assert one is not None
    assert other is not None
    assert one.median == pytest.approx(1 / other.median)
    if one.low is not None and one.high is not None:
        assert other.high == pytest.approx(1 / one.low)
        assert other.low == pytest.approx(1 / one.high)
        assert one.low <= one.median <= one.high


@given(PAIRS, st.floats(1e-3, 1e3))
def test_what_slows_both_down_alike_changes_nothing(
    pairs: list[tuple[float, float]], factor: float
) -> None:
    one = statistics.ratio(pairs)
    other = statistics.ratio([(a * factor, b * factor) for a, b in pairs])
    assert one is not None
    assert other is not None
    assert other.median == pytest.approx(one.median)


def test_an_interval_needs_six_pairs() -> None:
    assert statistics.ratio([]) is None
    assert statistics.ratio([(0.0, 1.0)]) is None
    assert statistics.ratio([(2.0, 1.0)] * 5) == Ratio(pytest.approx(2.0))
    assert statistics.ratio([(2.0, 1.0)] * 6) == Ratio(*[pytest.approx(2.0)] * 3)
    # The ranks of the sign test, as tables have them: of 10 values the 2nd and the 9th.
    found = statistics.ratio([(float(n), 1.0) for n in range(1, 11)])
    assert found == Ratio(pytest.approx(math.sqrt(5 * 6)), pytest.approx(2.0), pytest.approx(9.0))


@pytest.mark.parametrize("count", [6, 15, 60])
def test_the_interval_holds_the_true_ratio_as_often_as_it_says(count: int) -> None:
    chance = random.Random(count)
    rounds, held = 1500, 0
    for _ in range(rounds):
        # Each pair shares what its prompt costs; noise is skewed, as that of machines is.
        costs = [chance.uniform(0.1, 10) for _ in range(count)]
        pairs = [
            (1.3 * cost * chance.lognormvariate(0, 0.3), cost * chance.lognormvariate(0, 0.3))
            for cost in costs
        ]
        found = statistics.ratio(pairs)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 1.3 <= found.high
    assert held / rounds >= 0.94


def test_many_pairs_make_the_interval_narrow() -> None:
    chance = random.Random(1)
    pairs = [(chance.lognormvariate(0, 0.2), 1.0) for _ in range(4000)]
    found = statistics.ratio(pairs)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert 1 < found.high / found.low < 1.05
