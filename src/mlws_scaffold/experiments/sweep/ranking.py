"""The rows of a sweep's result, the best point first."""

from __future__ import annotations

import csv
import io
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence

from mlws_scaffold.experiments.results import Run
from mlws_scaffold.experiments.sweep.points import Point, written
from mlws_scaffold.experiments.sweep.stages import DONE, Card, Prepared, Row


def rank(prepared: Prepared, cards: Iterable[Card]) -> tuple[Row, ...]:
    """Points by the mean of their finished seeds; what measured nothing comes last."""
    found = list(cards)
    values: dict[int, list[float]] = defaultdict(list)
    for card in found:
        value = _value(card, prepared.metric)
        if value is not None and math.isfinite(value):
            values[card.trial.point.number].append(value)
    means = {number: statistics.fmean(measured) for number, measured in values.items()}
    sign = -1.0 if prepared.goal == "maximize" else 1.0
    rows = [
        Row(
            point=card.trial.point,
            state=card.state,
            run_id=card.run.run_id if card.run else "",
            metric=_value(card, prepared.metric),
            mean=means.get(card.trial.point.number),
            seconds=_seconds(card.run) if card.run else None,
        )
        for card in found
    ]

    def order(row: Row) -> tuple[float, int, int]:
        mean = math.inf if row.mean is None else sign * row.mean
        return mean, row.point.number, row.point.seed or 0

    return tuple(sorted(rows, key=order))


def best(rows: Sequence[Row]) -> Row | None:
    """A run of the best point: of its finished runs the one nearest to the point's mean."""
    if not rows or rows[0].mean is None:
        return None
    first, mean = rows[0].point.number, rows[0].mean
    fit = [row for row in rows if row.point.number == first and row.state in DONE]
    return min(
        (row for row in fit if row.metric is not None and math.isfinite(row.metric)),
        key=lambda row: abs((row.metric or 0.0) - mean),
        default=None,
    )


def columns(metric: str, rows: Sequence[Row]) -> list[str]:
    """Heads of the table: seed and mean only where there are seeds."""
    keys = [key for key, _ in rows[0].point.values] if rows else []
    seeded = [("seed", "mean")] if any(row.point.seed is not None for row in rows) else []
    seed = [pair[0] for pair in seeded]
    mean = [f"mean {metric}" for _ in seeded]
    return ["point", *keys, *seed, metric, *mean, "state", "run", "seconds"]


def cells(row: Row, *, digits: int = 17) -> list[str]:
    """A row as text under `columns`; numbers with so many digits."""
    seeded = row.point.seed is not None
    return [
        str(row.point.number),
        *(written(value) for _, value in row.point.values),
        *([str(row.point.seed)] if seeded else []),
        _number(row.metric, digits),
        *([_number(row.mean, digits)] if seeded else []),
        row.state,
        row.run_id,
        "" if row.seconds is None else f"{row.seconds:.1f}",
    ]


def as_csv(metric: str, rows: Sequence[Row]) -> str:
    """All rows as comma-separated values."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns(metric, rows))
    writer.writerows(cells(row) for row in rows)
    return out.getvalue()


def by_point(rows: Iterable[Row]) -> dict[int, tuple[Point, list[float]]]:
    """The finite values of each point, in the order of the rows; points without one as well."""
    found: dict[int, tuple[Point, list[float]]] = {}
    for row in rows:
        _, values = found.setdefault(row.point.number, (row.point, []))
        if row.state in DONE and row.metric is not None and math.isfinite(row.metric):
            values.append(row.metric)
    return found


def _value(card: Card, metric: str) -> float | None:
    """A run that did not finish has no result, whatever it logged on its way."""
    return card.run.metrics.get(metric) if card.run and card.state in DONE else None


def _seconds(run: Run) -> float | None:
    try:
        return float(run.tags["mlws.duration_seconds"])
    except (KeyError, ValueError):
        return (run.end - run.start).total_seconds() if run.end else None


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}g}"
