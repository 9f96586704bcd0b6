"""Spans of time as people write them in our files: `850ms`, `1.2s`, `2min`, or plain seconds."""

from __future__ import annotations

import math
import re

_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|min)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, None: 1.0}


def seconds(value: str | float) -> float:
    """The span in seconds. Raises ValueError for what is none, or is not above zero."""
    if isinstance(value, str):
        match = _SPAN.fullmatch(value.strip())
        if match is None:
            raise ValueError(f"{value!r} is no time: write it as 850ms, 1.2s or 2min")
        value = float(match[1]) * _SECONDS[match[2]]
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{value!r} is no time above zero")
    return float(value)


def text(value: float) -> str:
    """Seconds as our files write them: three digits, `ms` below one second."""
    return f"{value * 1000:.3g}ms" if value < 0.9995 else f"{value:.3g}s"
