"""The few statistics of a benchmark. All of them are deterministic, and say nothing rather than
more than the number of samples allows.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

# Below this the 95th percentile would be the slowest answer, whatever that was.
LEAST_FOR_P95 = 20
# The interval of a median leaves out no more than this on each side.
_TAIL = Fraction(25, 1000)


@dataclass(frozen=True, slots=True)
class Ratio:
    """The median of paired ratios; `low` to `high` holds the true one in 95 of 100 benchmarks.

    Without them there were too few pairs to say.
    """

    median: float
    low: float | None = None
    high: float | None = None


def p50(values: Sequence[float]) -> float | None:
    """The median; None of nothing."""
    return statistics.median(values) if values else None


def p95(values: Sequence[float]) -> float | None:
    """The 95th percentile, interpolated; None of fewer than 20 values."""
    if len(values) < LEAST_FOR_P95:
        return None
    ranked = sorted(values)
    place = 0.95 * (len(ranked) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ranked) - 1)
    part = place - below
    return ranked[below] * (1 - part) + ranked[above] * part


def ratio(pairs: Sequence[tuple[float, float]]) -> Ratio | None:
    """Of the first to the second; swapping all pairs inverts it. None without a usable pair.

    The interval is that of the sign test: two of the measured ratios, whose ranks depend on the
    number of pairs alone, so it assumes nothing about how times are distributed.
    """
    logs = sorted(math.log(a / b) for a, b in pairs if a > 0 and b > 0)
    if not logs:
        return None
    median = math.exp(statistics.median(logs))
    rank = _rank(len(logs))
    if rank is None:
        return Ratio(median)
    return Ratio(median, math.exp(logs[rank]), math.exp(logs[-1 - rank]))


def _rank(count: int) -> int | None:
    """How many values may be left out on each side; None when no rank reaches 95 %."""
    # Of the 2 ** count ways in which the values may fall to either side of the true median.
    ways, below, rank = 1, 0, None
    for left_out in range(count // 2):
        below += ways
        if below > _TAIL * 2**count:
            break
        rank = left_out
        ways = ways * (count - left_out) // (left_out + 1)
    return rank
