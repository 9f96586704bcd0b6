"""Plots: well-formed whatever comes in, the same each time, readable in light and dark."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlws_scaffold.adapters import svg
from mlws_scaffold.adapters.axes import axis, short
from mlws_scaffold.adapters.plotting import Bar, Series, bars_svg, lines_svg

ANY_NUMBER = st.floats(allow_nan=True, allow_infinity=True, allow_subnormal=True)
SVG = "{http://www.w3.org/2000/svg}"


def _drawn(text: str) -> ET.Element:
    """The parsed picture; every coordinate in it is a number on the canvas."""
    root = ET.fromstring(text)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for element in root.iter():
        for name in ("x", "cx"):
            assert 0 <= float(element.attrib.get(name, 0)) <= width
        for name in ("y", "cy"):
            assert 0 <= float(element.attrib.get(name, 0)) <= height
        for pair in element.attrib.get("points", "").split():
            x, y = map(float, pair.split(","))
            assert 0 <= x <= width
            assert 0 <= y <= height
    return root


def _words(root: ET.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


@given(
    st.text(max_size=40),
    st.lists(st.lists(st.tuples(ANY_NUMBER, ANY_NUMBER), max_size=6), max_size=20),
    st.booleans(),
)
def test_any_numbers_and_texts_give_a_well_formed_picture(
    text: str, points: list[list[tuple[float, float]]], log: bool
) -> None:
    series = [Series(text, one, joined=number % 2 == 0) for number, one in enumerate(points)]
    drawn = lines_svg(text, text, text, series, log_x=log, log_y=log)
    assert drawn == lines_svg(text, text, text, series, log_x=log, log_y=log)
    root = _drawn(drawn)
    assert [child.tag for child in root][:2] == [f"{SVG}title", f"{SVG}desc"]
    bars = [Bar(text, *one) for one in points for one in one]
    _drawn(bars_svg(text, text, bars))


@given(st.lists(ANY_NUMBER, max_size=8), st.booleans(), st.booleans())
def test_an_axis_holds_all_values_and_its_ticks_are_apart(
    values: list[float], log: bool, zero: bool
) -> None:
    found = axis(values, log=log, zero=zero)
    assert found.low < found.high
    for value in values:
        if found.shows(value):
            assert -1e-9 <= found.place(value) <= 1 + 1e-9
    places = [found.place(value) for value, _ in found.ticks]
    assert places == sorted(places)
    labels = [label for _, label in found.ticks]
    assert len(labels) <= 14
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize(
    ("values", "log", "labels"),
    [
        ([0, 1], False, "0 0.2 0.4 0.6 0.8 1.0"),
        ([0.91, 0.93], False, "0.910 0.915 0.920 0.925 0.930"),
        ([0, 20_000], False, "0 5000 10000 15000 20000"),
        ([0, 3e6], False, "0 1e6 2e6 3e6"),
        ([1e-4, 1], True, "0.0001 0.001 0.01 0.1 1"),
        ([3, 40], True, "5 10 20"),
        ([], False, "0 0.2 0.4 0.6 0.8 1.0"),
    ],
)
def test_ticks_are_numbers_that_people_would_choose(
    values: list[float], log: bool, labels: str
) -> None:
    assert " ".join(label for _, label in axis(values, log=log).ticks) == labels


def test_numbers_are_short() -> None:
    shown = [short(value) for value in (0.91234, 12, 1234567.0, 1e-7, 0, math.nan)]
    assert shown == ["0.9123", "12", "1.235e6", "1e-7", "0", "nan"]


def test_what_has_no_place_interrupts_the_line_and_is_counted() -> None:
    points = [(0, 1), (1, 2), (2, math.nan), (3, 1), (4, 2), (5, math.inf)]
    root = _drawn(lines_svg("t", "x", "y", [Series("a", points)]))
    assert len(list(root.iter(f"{SVG}polyline"))) == 2
    assert "2 of 6 points have no place here and are left out." in _words(root)


def test_nothing_to_draw_is_said() -> None:
    assert "no data" in _words(_drawn(lines_svg("t", "x", "y", [])))
    assert "no data" in _words(_drawn(bars_svg("t", "y", [])))
    assert "none" in _words(_drawn(bars_svg("t", "y", [Bar("failed", math.nan)])))


def test_texts_are_escaped_and_carry_no_control_characters() -> None:
    bad = "a<script>\x00\x1b[31m\u202e&\"'\nb\ud800"
    drawn = lines_svg(bad, bad, bad, [Series(bad, [(0, 1)]), Series("b", [])])
    assert "<script" not in drawn
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e\ud800]", drawn)
    assert ET.fromstring(drawn)[0].text == "a<script>[31m&\"' b"


def test_a_long_series_stays_small_and_keeps_its_peaks() -> None:
    points = [(float(x), 9.0 if x == 70_001 else float(x % 2)) for x in range(100_000)]
    drawn = lines_svg("t", "x", "y", [Series("a", points)])
    assert len(drawn) < 100_000
    [line] = _drawn(drawn).iter(f"{SVG}polyline")
    heights = {float(pair.split(",")[1]) for pair in line.attrib["points"].split()}
    assert len(heights) == 3


def test_more_series_than_colours_are_told_apart_and_more_than_the_legend_are_counted() -> None:
    series = [Series(f"s{number}", [(0, number), (1, number)]) for number in range(18)]
    root = _drawn(lines_svg("t", "x", "y", series))
    looks = {
        (line.attrib["class"], line.attrib.get("stroke-dasharray"))
        for line in root.iter(f"{SVG}polyline")
    }
    assert len(looks) == 16
    assert "and 2 more" in _words(root)


def test_two_pictures_on_one_page_have_different_ids() -> None:
    one, two = (lines_svg("t", "x", "y", [Series("a", [(0, value)])]) for value in (1, 2))
    assert not set(re.findall(r'id="(\w+)"', one)) & set(re.findall(r'id="(\w+)"', two))


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(
    ("palette", "grounds"), [(svg.LIGHT, svg.ON_LIGHT), (svg.DARK, svg.ON_DARK)]
)
def test_colours_are_legible_on_their_background(
    palette: tuple[str, ...], grounds: tuple[str, ...]
) -> None:
    """WCAG 2.2: 3:1 for graphics, 4.5:1 for text."""
    back, ink, _, line = grounds
    for colour, least in [*((colour, 3.0) for colour in palette), (ink, 4.5), (line, 3.0)]:
        light, dark = sorted((_luminance(colour), _luminance(back)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= least, colour
