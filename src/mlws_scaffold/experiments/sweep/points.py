"""The points of a sweep: every combination of a grid, or draws that a seed decides."""

from __future__ import annotations

import itertools
import json
import math
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlws_scaffold.errors import UsageError

if TYPE_CHECKING:
    from mlws_scaffold.experiments.sweep.spec import Parameter, Sweep

MOST = 10_000
_DIGITS = 6
_WORD = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
# What YAML refuses, or takes for the end of a line.
_UNSEEN = re.compile("[\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
# What YAML 1.1 takes for something else than a text.
_NO_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


@dataclass(frozen=True, slots=True)
class Point:
    """Values for keys of the configuration; points with the same number differ in their seed."""

    number: int  # from 1
    values: tuple[tuple[str, Any], ...]
    seed: int | None = None

    @property
    def sets(self) -> tuple[str, ...]:
        """As --set takes them."""
        seed = () if self.seed is None else (f"seed={self.seed}",)
        return (*(f"{key}={written(value)}" for key, value in self.values), *seed)

    @property
    def name(self) -> str:
        """The values in one line, without the seed."""
        return " ".join(f"{key}={written(value)}" for key, value in self.values)


def expand(sweep: Sweep) -> tuple[Point, ...]:
    """All points, each seed after the other, so that a cut off sweep has seen every point.

    The same sweep gives the same points on every machine, and more samples begin with the same
    ones. Raises UsageError when a range is too narrow for so many draws.
    """
    found = list(_grid(sweep) if sweep.method == "grid" else _drawn(sweep))
    names = tuple(sweep.parameters)
    return tuple(
        Point(number, tuple(zip(names, values, strict=True)), seed)
        for seed in sweep.seeds or (None,)
        for number, values in enumerate(found, 1)
    )


def size(sweep: Sweep) -> int:
    """How many points there are, seeds not counted."""
    if sweep.method == "random":
        return sweep.samples or 0
    return math.prod(len(_listed(one)) for one in sweep.parameters.values())


def different(sweep: Sweep) -> float:
    """How many different points can be drawn; infinite where a range is not of whole numbers."""
    return math.prod(_choices(one) for one in sweep.parameters.values())


def written(value: Any) -> str:
    """A value as --set takes it: YAML on one line, and the same type when it is read."""
    if isinstance(value, str) and _WORD.fullmatch(value) and value.lower() not in _NO_WORDS:
        return value
    if isinstance(value, float):
        return repr(value)
    text = json.dumps(value, ensure_ascii=False)
    return _UNSEEN.sub(lambda sign: f"\\u{ord(sign[0]):04x}", text)


def _grid(sweep: Sweep) -> Iterator[tuple[Any, ...]]:
    return itertools.product(*(_listed(one) for one in sweep.parameters.values()))


def _listed(one: Parameter) -> Sequence[Any]:
    """The values of a grid along one parameter."""
    if one.values is not None:
        return one.values
    low, high = _ends(one)
    if one.count is None:
        return range(int(low), int(high) + 1)
    steps = [_between(one, number / (one.count - 1)) for number in range(one.count)]
    found = [round(step) if one.integer else _rounded(step, low, high) for step in steps]
    return list(dict.fromkeys(found))


def _drawn(sweep: Sweep) -> Iterator[tuple[Any, ...]]:
    chance = random.Random(sweep.seed)  # noqa: S311 - nothing is secret here
    wanted = sweep.samples or 0
    seen: set[str] = set()
    for _ in range(1000 * wanted + 1000):
        if len(seen) == wanted:
            return
        # random() alone is the same in every version of Python.
        values = tuple(_draw(one, chance.random()) for one in sweep.parameters.values())
        key = " ".join(written(value) for value in values)
        if key not in seen:
            seen.add(key)
            yield values
    if len(seen) < wanted:
        raise UsageError(
            f"only {len(seen)} of {wanted} different points were found",
            "widen a range, or write fewer samples",
        )


def _draw(one: Parameter, chance: float) -> Any:
    """The value that a number from 0 to below 1 stands for."""
    if one.values is not None:
        return one.values[int(chance * len(one.values))]
    low, high = _ends(one)
    if not one.integer:
        return _rounded(_between(one, chance), low, high)
    # Each whole number owns the piece up to the next, so that the last is as likely as the first.
    wide = one.model_copy(update={"high": high + 1})
    return int(min(max(math.floor(_between(wide, chance)), low), high))


def _between(one: Parameter, share: float) -> float:
    low, high = _ends(one)
    if one.log:
        return math.exp(math.log(low) * (1 - share) + math.log(high) * share)
    return low * (1 - share) + high * share


def _rounded(value: float, low: float, high: float) -> float:
    """Few digits, since people read and type it; more where the range is narrow for its size."""
    span = high / 2 - low / 2
    narrow = math.log10(max(abs(low), abs(high)) / span / 2) if span else 0.0
    digits = min(_DIGITS + max(0, math.ceil(narrow - 0.5)), 17)
    return min(max(float(f"{value:.{digits}g}"), low), high)


def _ends(one: Parameter) -> tuple[float, float]:
    assert one.low is not None  # noqa: S101 - narrows the type: a range has both
    assert one.high is not None  # noqa: S101
    return one.low, one.high


def _choices(one: Parameter) -> float:
    if one.values is not None:
        return len(one.values)
    low, high = _ends(one)
    return high - low + 1 if one.integer else math.inf
