"""Which points a sweep has: the same everywhere, within their bounds, as many as asked for."""

from __future__ import annotations

import importlib.util
import itertools
import math
from functools import cache
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlws_scaffold.errors import UsageError
from mlws_scaffold.experiments.sweep import points
from mlws_scaffold.experiments.sweep.spec import Sweep
from tests.support.template_repo import ROOT

LISTS = st.lists(
    st.one_of(st.integers(-9, 9), st.sampled_from(["adam", "sgd"]), st.booleans(), st.none()),
    min_size=1,
    max_size=4,
    unique_by=lambda value: (type(value), value),
)
NAMES = st.sampled_from(["model.size", "rate", "optimiser.name", "depth"])
RANGES = st.builds(
    lambda low, span, log, integer: {
        "low": float(math.floor(low)) + 1 if integer else low,
        "high": (float(math.floor(low)) + 1 if integer else low) + (max(1, int(span))),
        "log": log,
        "integer": integer,
    },
    st.floats(1e-6, 1e6),
    st.floats(1, 1e6),
    st.booleans(),
    st.booleans(),
)


def _sweep(**fields: Any) -> Sweep:
    return Sweep.model_validate(fields)


@given(st.dictionaries(NAMES, LISTS, min_size=1, max_size=3), st.sets(st.integers(0, 99)))
def test_a_grid_is_every_combination_with_every_seed(
    values: dict[str, list[Any]], seeds: set[int]
) -> None:
    parameters = {name: {"values": one} for name, one in values.items()}
    sweep = _sweep(method="grid", parameters=parameters, seeds=sorted(seeds))
    found = points.expand(sweep)
    assert found == points.expand(sweep)
    expected = list(itertools.product(*values.values()))
    assert (
        len(found) == points.size(sweep) * max(1, len(seeds)) == len(expected) * len(seeds or [0])
    )
    texts = {point.sets for point in found}
    assert len(texts) == len(found)
    first = [tuple(value for _, value in point.values) for point in found[: len(expected)]]
    assert [list(map(repr, row)) for row in first] == [list(map(repr, row)) for row in expected]


@given(
    st.dictionaries(NAMES, RANGES, min_size=1, max_size=3),
    st.integers(1, 40),
    st.integers(-5, 2**31),
)
def test_draws_are_within_their_bounds_and_decided_by_the_seed(
    ranges: dict[str, dict[str, Any]], samples: int, seed: int
) -> None:
    sweep = _sweep(method="random", parameters=ranges, samples=samples, seed=seed)
    if points.different(sweep) < samples:
        return
    found = points.expand(sweep)
    assert found == points.expand(sweep)
    assert len({point.sets for point in found}) == len(found) == samples
    for point in found:
        for name, value in point.values:
            assert ranges[name]["low"] <= value <= ranges[name]["high"]
            assert isinstance(value, int) == ranges[name]["integer"]
    more = sweep.model_copy(update={"samples": samples + 1})
    if points.different(sweep) > samples:
        assert points.expand(more)[:samples] == found


def test_draws_are_the_same_on_every_machine_and_cover_a_logarithmic_range() -> None:
    rate = {"low": 1e-4, "high": 1.0, "log": True}
    size = {"low": 1, "high": 3, "integer": True}
    sweep = _sweep(method="random", samples=3, seed=7, parameters={"rate": rate, "size": size})
    assert [point.name for point in points.expand(sweep)] == [
        "rate=0.00197393 size=1",
        "rate=0.0401548 size=1",
        "rate=0.0139164 size=2",
    ]
    many = _sweep(method="random", samples=400, parameters={"rate": rate})
    small = sum(value < 1e-2 for point in points.expand(many) for _, value in point.values)
    assert 150 < small < 250


def test_all_of_a_small_range_can_be_drawn_and_no_more() -> None:
    size = {"low": 1, "high": 9, "integer": True}
    sweep = _sweep(method="random", samples=9, parameters={"size": size})
    assert sorted(point.values[0][1] for point in points.expand(sweep)) == [*range(1, 10)]
    narrow = {"low": 1.0, "high": 1.0000000000000004}
    with pytest.raises(UsageError, match="different points were found"):
        points.expand(_sweep(method="random", samples=9, parameters={"rate": narrow}))


def test_a_grid_over_a_range_has_both_ends() -> None:
    rate = {"low": 0.001, "high": 1, "log": True, "count": 4}
    depth = {"low": 2, "high": 4, "integer": True}
    found = points.expand(_sweep(method="grid", parameters={"rate": rate, "depth": depth}))
    assert [value for (_, value), _ in (point.values for point in found)][::3] == [
        0.001,
        0.01,
        0.1,
        1.0,
    ]
    assert len(found) == 12


@cache
def _configuration() -> ModuleType:
    """The module of every workspace that reads what --set says."""
    path = ROOT / "templates/workspace/shared/tools/src/shared_tools/configuration.py"
    spec = importlib.util.spec_from_file_location("configuration_of_the_template", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).filter(
    lambda text: "\0" not in text
)
SCALARS = st.one_of(
    st.booleans(), st.none(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS
)


@given(st.one_of(SCALARS, st.lists(SCALARS, max_size=4)))
def test_what_is_written_is_read_again_with_its_type(value: Any) -> None:
    assert repr(_configuration()._load(points.written(value))) == repr(value)


@pytest.mark.parametrize(
    "text", ["1e-3", "1_000", "0x1f", "yes", "No", "~", "2026-10-19", "1:30", "=", "<<", "", " x"]
)
def test_texts_that_look_like_something_else_stay_texts(text: str) -> None:
    assert _configuration()._load(points.written(text)) == text


def test_a_point_says_its_values_and_its_seed() -> None:
    sweep = _sweep(
        method="grid", parameters={"a.b": {"values": ["x y", 0.5]}, "c": {"values": [1]}}, seeds=[3]
    )
    first, second = points.expand(sweep)
    assert first.sets == ('a.b="x y"', "c=1", "seed=3")
    assert second.name == "a.b=0.5 c=1"
    assert (first.number, second.number) == (1, 2)
