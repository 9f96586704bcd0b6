"""The numbers along an axis: its range, nice ticks and their words. Pure arithmetic."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass

_MOST = sys.float_info.max
# Below this the arithmetic of steps loses its digits; nobody can tell it from nothing.
_LEAST = 1e-290
_WANTED = 6
_SHARE_BESIDE = 0.04


@dataclass(frozen=True, slots=True)
class Axis:
    """A range and its ticks as (value, label). On a `log` axis all of it is positive."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    log: bool = False

    def place(self, value: float) -> float:
        """Where a value lies: 0 at `low`, 1 at `high`."""
        if self.log:
            low, high, value = (math.log10(part) for part in (self.low, self.high, value))
            return (value - low) / (high - low)
        # Halves: the difference of two huge numbers is no number.
        return (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)

    def shows(self, value: float) -> bool:
        """Whether a value has a place on this kind of axis."""
        return fits(value, log=self.log)


def fits(value: float, *, log: bool = False) -> bool:
    """Finite, and positive where the axis is logarithmic."""
    return math.isfinite(value) and (not log or value > _LEAST)


def axis(values: Iterable[float], *, log: bool = False, zero: bool = False) -> Axis:
    """An axis that shows all values that fit; without any it goes from 0 to 1 (log: 1 to 10).

    With `zero` it begins at 0, as bars must.
    """
    fit = [float(value) for value in values if fits(value, log=log)]
    if log:
        return _logarithmic(min(fit, default=1.0), max(fit, default=10.0))
    low, high = min(fit, default=0.0), max(fit, default=1.0)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    return _linear(low, high, zero=zero)


def _linear(low: float, high: float, *, zero: bool) -> Axis:
    size = max(abs(low), abs(high))
    if size < _LEAST:
        low, high = (0.0, 1.0) if zero else (-1.0, 1.0)
    elif high / 2 - low / 2 <= size * 1e-13:
        low, high = _within(low - size / 2), _within(high + size / 2)
    else:
        beside = (high / 2 - low / 2) * 2 * _SHARE_BESIDE
        beside = beside if math.isfinite(beside) else 0.0
        low = low if zero and low == 0 else _within(low - beside)
        high = high if zero and high == 0 else _within(high + beside)
    return Axis(low, high, _ticks(low, high))


def _within(value: float) -> float:
    return min(max(value, -_MOST), _MOST)


def _ticks(low: float, high: float) -> tuple[tuple[float, str], ...]:
    rough = (high / 2 - low / 2) / _WANTED * 2
    power = math.floor(math.log10(rough))
    fine = rough / 10.0**power
    step = next(nice for nice in (1, 2, 5, 10) if nice >= fine * 0.999) * 10.0**power
    first, last = math.ceil(low / step), math.floor(high / step)
    # n * step leaves dust such as 0.30000000000000004; the label rounds it away.
    return tuple(
        (number * step, _words(number * step, step, max(abs(low), abs(high))))
        for number in range(first, last + 1)
    )


def _words(value: float, step: float, size: float) -> str:
    """A label with as many digits as tell neighbours apart."""
    if value == 0:
        return "0"
    power = math.floor(math.log10(step) + 1e-9)
    if size < 1e6 and power >= -5:
        return f"{value:.{max(0, -power)}f}"
    digits = max(0, math.floor(math.log10(abs(value)) + 1e-9) - power)
    return _scientific(value, min(digits, 15))


def short(value: float, digits: int = 3) -> str:
    """A number in few signs: `1.5e-7`, `0.913`, `12`; `digits` count after the first."""
    if not math.isfinite(value):
        return str(value)
    if value == 0 or 1e-4 <= abs(value) < 1e6:
        return f"{value:.{digits + 1}g}" if abs(value) < 10**digits else f"{value:.0f}"
    return _scientific(value, digits)


def _scientific(value: float, digits: int) -> str:
    mantissa, _, exponent = f"{value:.{digits}e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}e{int(exponent)}"


def _logarithmic(low: float, high: float) -> Axis:
    first, last = math.log10(low), math.log10(high)
    beside = (last - first) * _SHARE_BESIDE or 0.15
    first, last = first - beside, last + beside
    low, high = 10.0**first, 10.0**last if last < 308 else _MOST
    span = last - first
    if span < 1:
        return Axis(low, high, _ticks(low, high), log=True)
    every = math.ceil(span / (_WANTED + 1))
    parts = (1, 2, 5) if span < 2.5 else (1,)
    found = []
    for power in range(math.floor(first), min(math.ceil(last), 308) + 1):
        found += [part * 10.0**power for part in parts if power % every == 0]
    return Axis(low, high, tuple((v, short(v)) for v in found if low <= v <= high), log=True)
