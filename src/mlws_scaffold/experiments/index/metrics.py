"""The metrics that `results` of a metadata.yaml names, however it names them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Measured:
    """Every metric with a name and a number, and of them the best one (None: there is none).

    `direction` is 1 where more is better and -1 where less is.
    """

    values: Mapping[str, float]
    name: str
    best: float | None
    direction: int


def of(fields: Mapping[str, Any]) -> Measured:
    """Read `results` of a valid file: `best_metric` is a number, or a table of metrics by name.

    A number without a name belongs to the primary metric.
    """
    results = fields.get("results") or {}
    primary = fields.get("primary_metric") or {}
    named, content = results.get("metric") or primary.get("name") or "", results.get("best_metric")
    table = content if isinstance(content, dict) else {named: content}
    values = {
        str(name): number for name, item in table.items() if (number := _number(item)) is not None
    }
    if named not in values and len(values) == 1:
        named = next(iter(values))
    is_less = primary.get("goal") == "minimize" and named in (primary.get("name"), "")
    best = values.get(named)
    return Measured({key: values[key] for key in values if key}, named, best, -1 if is_less else 1)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
