"""The plot of a sweep: the metric over one number that was varied, else a bar for each point."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Sequence

from mlws_scaffold.adapters.plotting import Bar, Series, bars_svg, lines_svg
from mlws_scaffold.experiments.sweep.points import Point, written
from mlws_scaffold.experiments.sweep.ranking import by_point
from mlws_scaffold.experiments.sweep.stages import Prepared, Row

_MOST_LINES = 8


def plotted(prepared: Prepared, rows: Sequence[Row]) -> str:
    """The SVG. Lines where a number has several values for the same rest, else bars, best first."""
    title = f"{prepared.order.request.entry.metadata.experiment_id}: {prepared.file.name}"
    points = by_point(rows)
    varied = _varied([point for point, _ in points.values()])
    name = _across([point for point, _ in points.values()], varied)
    if name is None:
        bars = [_bar(point, values) for point, values in points.values()]
        return bars_svg(title, prepared.metric, bars)
    lines: dict[str, list[tuple[float, float]]] = defaultdict(list)
    single: list[tuple[float, float]] = []
    for point, values in points.values():
        x = float(dict(point.values)[name])
        if values:
            lines[_rest(point, varied - {name})].append((x, statistics.fmean(values)))
        single += [(x, value) for value in values] if len(values) > 1 else []
    alone = f"mean {prepared.metric}" if single else prepared.metric
    series = [Series(rest or alone, sorted(found)) for rest, found in sorted(lines.items())]
    if single:
        series.append(Series("each seed", single, joined=False))
    log = prepared.sweep.parameters[name].log
    return lines_svg(title, name, prepared.metric, series, log_x=log)


def _varied(points: Sequence[Point]) -> set[str]:
    """The keys that have more than one value."""
    seen: dict[str, set[str]] = defaultdict(set)
    for point in points:
        for key, value in point.values:
            seen[key].add(written(value))
    return {key for key, texts in seen.items() if len(texts) > 1}


def _across(points: Sequence[Point], varied: set[str]) -> str | None:
    """The number that a line can run over: few lines, and more than one point on each."""
    found: list[tuple[int, str]] = []
    for name in varied:
        values = [dict(point.values)[name] for point in points]
        numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in values)
        lines = len({_rest(point, varied - {name}) for point in points})
        if numbers and lines <= _MOST_LINES and len(points) >= 2 * lines:
            found.append((lines, name))
    return min(found, default=(0, None))[1]


def _rest(point: Point, keys: set[str]) -> str:
    return " ".join(f"{key}={written(value)}" for key, value in point.values if key in keys)


def _bar(point: Point, values: Sequence[float]) -> Bar:
    if not values:
        return Bar(point.name, math.nan)
    return Bar(point.name, statistics.fmean(values), min(values), max(values))
