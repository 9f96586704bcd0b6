"""Plots as self-contained SVG text: lines and bars, by the standard library alone.

The same input gives the same text. Light or dark follows the reader's setting; any text and any
number may come in.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from mlws_scaffold.adapters import svg
from mlws_scaffold.adapters.axes import Axis, axis, fits, short

_HEIGHT = 400
_TOP, _BOTTOM, _RIGHT = 52, 60, 24
_LEGEND = 220  # the most that a name in it takes
_ROW, _MOST_BARS = 24, 60
_MOST_LINES = 16
_MOST_MARKS = 80
_DASHES = ("", "6 4", "2 3")


@dataclass(frozen=True, slots=True)
class Series:
    """Points (x, y) under one name. Not `joined`, they stay single marks."""

    name: str
    points: Sequence[tuple[float, float]]
    joined: bool = True


@dataclass(frozen=True, slots=True)
class Bar:
    """A value, and where there were several the least and the most of them."""

    name: str
    value: float
    least: float | None = None
    most: float | None = None


def lines_svg(
    title: str,
    x_label: str,
    y_label: str,
    series: Sequence[Series],
    *,
    log_x: bool = False,
    log_y: bool = False,
) -> str:
    """Lines or marks over numbers. What has no place on the axes (NaN, infinity; on a log axis what
    is not positive) interrupts its line and is counted below the plot.
    """
    points = [point for one in series for point in one.points]
    kept = [(x, y) for x, y in points if fits(x, log=log_x) and fits(y, log=log_y)]
    across, up = axis((x for x, _ in kept), log=log_x), axis((y for _, y in kept), log=log_y)
    left = 30 + svg.widest(label for _, label in up.ticks)
    names = [svg.clean(one.name) for one in series]
    beside = 46 + min(svg.widest(names), _LEGEND) if len(series) > 1 else 0
    right = _RIGHT + beside
    box = _Box(left, _TOP, svg.WIDTH - right, _HEIGHT - _BOTTOM)
    parts = [*_grid_up(box, up), *_grid_across(box, across), _axis_words(box, x_label, y_label)]
    for number, one in enumerate(series[:_MOST_LINES]):
        parts.extend(_line(number, one, box, across, up))
    if len(series) > 1:
        parts.extend(_legend(box, series))
    if not kept:
        parts.append(_nothing(box))
    note = _left_out(len(points) - len(kept), len(points))
    about = f"{len(series)} series: {'; '.join(names)}. {note}"
    desc = f"{svg.clean(y_label)} over {svg.clean(x_label)}. {about}"
    return svg.picture(title, desc, parts, note, _HEIGHT)


def bars_svg(title: str, y_label: str, bars: Sequence[Bar]) -> str:
    """Horizontal bars from the top in the order given, each with its value beside it; `y_label`
    names the values. A bar without a finite value keeps its row and says so.
    """
    shown = bars[:_MOST_BARS]
    ends = [value for bar in shown for value in (bar.value, bar.least, bar.most)]
    across = axis((value for value in ends if value is not None), zero=True)
    height = _TOP + _BOTTOM + _ROW * max(len(shown), 2)
    left = min(30 + svg.widest(svg.clean(bar.name) for bar in shown), svg.WIDTH * 2 // 5)
    box = _Box(left, _TOP, svg.WIDTH - _RIGHT - 64, height - _BOTTOM)
    parts = [*_grid_across(box, across), _axis_words(box, y_label, "")]
    for number, bar in enumerate(shown):
        parts.extend(_bar(number, bar, box, across))
    if not shown:
        parts.append(_nothing(box))
    note = f"{len(bars) - len(shown)} more are not shown." if len(bars) > len(shown) else ""
    values = "; ".join(f"{svg.clean(bar.name)} {_amount(bar)}" for bar in shown)
    return svg.picture(title, f"{svg.clean(y_label)}: {values}. {note}", parts, note, height)


@dataclass(frozen=True, slots=True)
class _Box:
    """Where the data lies, in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def x(self, across: Axis, value: float) -> float:
        return self.left + across.place(value) * (self.right - self.left)

    def y(self, up: Axis, value: float) -> float:
        return self.bottom - up.place(value) * (self.bottom - self.top)


def _line(number: int, one: Series, box: _Box, across: Axis, up: Axis) -> Iterator[str]:
    colour, stroke = _ink(number)
    fit = [across.shows(x) and up.shows(y) for x, y in one.points]
    marked = not one.joined or sum(fit) <= _MOST_MARKS
    for whole, group in itertools.groupby(zip(fit, one.points, strict=True), lambda pair: pair[0]):
        if not whole:
            continue
        points = [point for _, point in group]
        placed = [(box.x(across, x), box.y(up, y)) for x, y in points]
        if one.joined and len(placed) > 1:
            path = " ".join(f"{svg.px(x)},{svg.px(y)}" for x, y in _thinned(placed))
            yield f'<polyline class="{colour} line" points="{path}"{stroke}/>'
        if marked or len(placed) == 1:
            for (x, y), (a, b) in zip(placed, points, strict=True):
                said = f"{svg.clean(one.name)}: {short(a, 5)}, {short(b, 5)}"
                yield (
                    f'<circle class="{colour} mark" cx="{svg.px(x)}" cy="{svg.px(y)}" r="3">'
                    f"<title>{escape(said)}</title></circle>"
                )


def _thinned(placed: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """No more than the first, last, lowest and highest of neighbours in one column of pixels."""
    kept: list[tuple[float, float]] = []
    for _, group in itertools.groupby(placed, lambda point: math.floor(point[0])):
        column = list(enumerate(group))
        by_height = sorted(column, key=lambda item: item[1][1])
        few = {index for index, _ in (column[0], by_height[0], by_height[-1], column[-1])}
        kept.extend(point for index, point in column if index in few)
    return kept


def _bar(number: int, bar: Bar, box: _Box, across: Axis) -> Iterator[str]:
    top = box.top + number * _ROW + 4
    middle = top + (_ROW - 8) / 2
    name = svg.fitting(svg.clean(bar.name), box.left - 14)
    yield svg.text(name, box.left - 8, middle + 4, "end", tip=svg.clean(bar.name))
    zero = box.x(across, 0.0)
    edge = zero
    if across.shows(bar.value):
        end = box.x(across, bar.value)
        yield (
            f'<rect class="c0 bar" x="{svg.px(min(zero, end))}" y="{svg.px(top)}"'
            f' width="{svg.px(abs(end - zero))}" height="{_ROW - 8}"/>'
        )
        edge = max(zero, end)
    spread = [value for value in (bar.least, bar.most) if value is not None and across.shows(value)]
    if len(spread) == 2 and spread[0] != spread[1]:
        a, b = sorted(box.x(across, value) for value in spread)
        yield f'<path class="spread" d="M{svg.px(a)} {svg.px(middle)}H{svg.px(b)}"/>'
        yield "".join(
            f'<path class="spread" d="M{svg.px(x)} {svg.px(middle - 4)}v8"/>' for x in (a, b)
        )
        edge = max(edge, b)
    yield svg.text(short(bar.value) if across.shows(bar.value) else "none", edge + 6, middle + 4)


def _grid_up(box: _Box, up: Axis) -> Iterator[str]:
    for value, label in up.ticks:
        y = box.y(up, value)
        yield f'<path class="grid" d="M{svg.px(box.left)} {svg.px(y)}H{svg.px(box.right)}"/>'
        yield svg.text(label, box.left - 8, y + 4, "end")


def _grid_across(box: _Box, across: Axis) -> Iterator[str]:
    # Labels that would touch make room: every second, every third, …
    room = box.right - box.left
    wide = svg.widest(label for _, label in across.ticks) + 14
    every = max(1, math.ceil(wide * len(across.ticks) / room))
    for number, (value, label) in enumerate(across.ticks):
        x = box.x(across, value)
        yield f'<path class="grid" d="M{svg.px(x)} {svg.px(box.top)}V{svg.px(box.bottom)}"/>'
        if number % every == 0:
            yield svg.text(label, x, box.bottom + 18, "middle")


def _axis_words(box: _Box, x_label: str, y_label: str) -> str:
    middle = (box.left + box.right) / 2
    words = svg.text(
        svg.fitting(svg.clean(x_label), box.right - box.left), middle, box.bottom + 38, "middle"
    )
    if y_label:
        words += svg.text(svg.fitting(svg.clean(y_label), svg.WIDTH / 2), 10, box.top - 12)
    ends = f"M{svg.px(box.left)} {svg.px(box.top)}V{svg.px(box.bottom)}H{svg.px(box.right)}"
    return f'{words}<path class="axis" d="{ends}"/>'


def _legend(box: _Box, series: Sequence[Series]) -> Iterator[str]:
    left = box.right + 16
    for number, one in enumerate(series[:_MOST_LINES]):
        y = box.top + 8 + number * 18
        colour, stroke = _ink(number)
        if one.joined:
            yield f'<path class="{colour} line" d="M{svg.px(left)} {svg.px(y)}h20"{stroke}/>'
        else:
            yield f'<circle class="{colour} mark" cx="{svg.px(left + 10)}" cy="{svg.px(y)}" r="3"/>'
        name = svg.clean(one.name)
        yield svg.text(svg.fitting(name, _LEGEND), left + 26, y + 4, tip=name)
    if len(series) > _MOST_LINES:
        words = f"and {len(series) - _MOST_LINES} more"
        yield svg.text(words, left + 26, box.top + 12 + _MOST_LINES * 18)


def _ink(number: int) -> tuple[str, str]:
    """The class of a series' colour, and a dash pattern when the colours begin again."""
    dash = _DASHES[number // len(svg.LIGHT) % len(_DASHES)]
    return f"c{number % len(svg.LIGHT)}", f' stroke-dasharray="{dash}"' if dash else ""


def _nothing(box: _Box) -> str:
    return svg.text("no data", (box.left + box.right) / 2, (box.top + box.bottom) / 2, "middle")


def _left_out(count: int, total: int) -> str:
    return f"{count} of {total} points have no place here and are left out." if count else ""


def _amount(bar: Bar) -> str:
    if bar.least is None or bar.most is None:
        return short(bar.value)
    return f"{short(bar.value)} ({short(bar.least)} to {short(bar.most)})"
