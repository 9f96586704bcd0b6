"""Costs as tables with bars: by person, experiment, agent and GPU, and over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlws_scaffold.team.dashboard import words

_BY = {
    "week": "Week",
    "person": "Person",
    "experiment": "Experiment",
    "agent": "Agent",
    "gpu": "GPU",
}
_MOST = 30


@dataclass(frozen=True, slots=True)
class Line:
    """One sum. `wide`: its bar, of 100; by cost where there is one currency, else by GPU-hours."""

    key: str
    hours: float | None
    busy: float | None
    cost: str
    wide: float


@dataclass(frozen=True, slots=True)
class Table:
    by: str
    title: str
    lines: Sequence[Line]
    more: int


@dataclass(frozen=True, slots=True)
class Costs:
    """All tables that have lines, and what does not fit into one."""

    tables: Sequence[Table]
    total: Mapping[str, Any]
    period: Mapping[str, Any]
    unpriced: Mapping[str, Any]
    budgets: Sequence[Mapping[str, Any]]
    waste: Mapping[str, Any]
    measure: str


def tables(data: Mapping[str, Any]) -> Costs:
    """The tables, the largest sum first; weeks in their order."""
    currency = data.get("currency")
    found = [_table(by, data.get(by) or (), currency) for by in _BY]
    waste = data.get("waste")
    return Costs(
        [table for table in found if table.lines],
        data.get("total") or {},
        data.get("period") or {},
        data.get("unpriced") or {},
        data.get("budgets") or (),
        waste if isinstance(waste, dict) else {},
        f"cost in {words.clean(currency, 8)}" if currency else "GPU-hours",
    )


def _table(by: str, rows: Sequence[Mapping[str, Any]], currency: str | None) -> Table:
    sized = [(_size(row, currency), row) for row in rows]
    if by == "week":
        sized.sort(key=lambda pair: str(pair[1].get("key")))
    else:
        sized.sort(key=lambda pair: -pair[0])
    most = max((size for size, _ in sized), default=0.0) or 1.0
    kept = sized[-_MOST:] if by == "week" else sized[:_MOST]
    lines = [
        Line(
            words.clean(row.get("key"), 80) or "none named",
            row.get("allocated_hours"),
            row.get("busy_hours"),
            words.costs(row.get("costs")),
            round(100 * size / most, 2),
        )
        for size, row in kept
    ]
    return Table(by, _BY[by], lines, len(sized) - len(kept))


def _size(row: Mapping[str, Any], currency: str | None) -> float:
    if currency:
        return float((row.get("costs") or {}).get(currency) or 0.0)
    return float(row.get("allocated_hours") or 0.0)
