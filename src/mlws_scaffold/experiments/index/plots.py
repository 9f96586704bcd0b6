"""A comparison as one SVG: a bar with its spread for each experiment, and how runs got there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from mlws_scaffold.adapters import files, metric_history
from mlws_scaffold.adapters.plotting import Bar, Series, bars_svg, lines_svg
from mlws_scaffold.errors import MlwsError, UsageError
from mlws_scaffold.experiments.index.compare import Comparison, Side
from mlws_scaffold.workspace.config import Workspace

_MOST_METRICS = 6
_MOST_LINES = 16

Curves = Mapping[tuple[str, str], Sequence[tuple[float, float]]]


def require_svg(path: Path) -> None:
    """Raises UsageError for a file that nothing would show as a picture, or in no folder."""
    if path.suffix.lower() != ".svg":
        raise UsageError(f"{path} is no name for a plot", "name it so: comparison.svg")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}", "make it first")


def write(place: Workspace, found: Comparison, path: Path) -> list[str]:
    """Draw the comparison into the file. Returns what could not be drawn, and why.

    Raises MlwsError when there is nothing to draw.
    """
    names = _names(found.sides)
    if not names:
        raise MlwsError("there is nothing to plot: no finished run measured anything", "mlws run")
    notes = []
    curves: Curves = {}
    runs = [run for side in found.sides for run in side.runs]
    try:
        curves = metric_history.of(place.config.tracking.uri, place.root, runs, names)
    except MlwsError as error:
        notes.append(f"learning curves not drawn: {error.message}")
    pictures = []
    for name in names:
        pictures.append(bars_svg(name, name, _bars(found.sides, name)))
        if lines := _lines(found.sides, name, curves):
            pictures.append(lines_svg(f"{name} by step", "step", name, lines))
    files.write(path, stacked(pictures))
    return notes


def stacked(pictures: Sequence[str]) -> str:
    """Several SVG below each other as one."""
    parts, top, width = [], 0, 0
    for picture in pictures:
        # The first two sizes in the text are those of its outermost element.
        size = [int(re.search(rf'\b{name}="(\d+)"', picture)[1]) for name in ("width", "height")]  # type: ignore[index]
        parts.append(picture.replace("<svg ", f'<svg y="{top}" ', 1))
        width, top = max(width, size[0]), top + size[1]
    head = f'width="{width}" height="{top}" viewBox="0 0 {width} {top}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {head}>\n{"".join(parts)}</svg>\n'


def _names(sides: Sequence[Side]) -> list[str]:
    """The metrics to draw: primary ones first, then those that most of the experiments have."""
    shared = Counter(name for side in sides for name in side.metrics)
    primary = {side.primary_metric for side in sides}
    order = sorted(shared, key=lambda name: (name not in primary, -shared[name], name))
    return order[:_MOST_METRICS]


def _bars(sides: Iterable[Side], name: str) -> list[Bar]:
    return [
        Bar(side.experiment_id, found.mean, found.least, found.most)
        for side in sides
        if (found := side.metrics.get(name))
    ]


def _lines(sides: Iterable[Side], name: str, curves: Curves) -> list[Series]:
    """A line a run; only one an experiment, its first, where that would be too many to tell apart.

    A single step is no curve.
    """
    known = [
        (side, [run for run in side.runs if len(curves.get((run, name), ())) > 1]) for side in sides
    ]
    most = None if sum(len(runs) for _, runs in known) <= _MOST_LINES else 1
    return [
        Series(f"{side.experiment_id} {run[:8]}", curves[run, name])
        for side, runs in known
        for run in runs[:most]
    ]
