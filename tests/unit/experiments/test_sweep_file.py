"""Sweep files: what is accepted, and where a mistake is named."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from mlws_scaffold.errors import InvalidFile
from mlws_scaffold.experiments.sweep import points, spec
from tests.support import reference

GOOD = """\
# What is tried.
method: random
samples: 4
seed: 3
parameters:
  training.rate: {low: 1e-4, high: 1e-1, log: true}
  model.size: {values: [1e-3, 2, true, null, small, [1, 2]]}
seeds: [1, 2]
metric: loss
goal: minimize
x_note: ours
"""


def _load(folder: Path, text: str) -> spec.Sweep:
    path = folder / "sweep.yaml"
    path.write_text(text)
    return spec.load(path, "sweep.yaml")[0]


def test_a_sweep_is_read_with_its_types(tmp_path: Path) -> None:
    sweep = _load(tmp_path, GOOD)
    size = sweep.parameters["model.size"].values
    assert [type(value).__name__ for value in size or ()] == [
        "float",
        "int",
        "bool",
        "NoneType",
        "str",
        "tuple",
    ]
    assert sweep.parameters["training.rate"].low == 1e-4
    assert len(points.expand(sweep)) == 8


GRID = "method: grid\nparameters:\n"
DRAW = "method: random\nsamples: 2\nparameters:\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("method: gird\nparameters: {a: {values: [1]}}\n", "1:1: method: unknown value"),
        (GRID + "  a: {value: [1]}\n", "3:7: parameters.a.value: unknown field (did you mean 'v"),
        (GRID + "  a: {values: []}\n", "3:3: parameters.a: lists no value"),
        (GRID + "  a: {values: [1, 2, 1]}\n", "3:3: parameters.a: lists 1 twice"),
        (GRID + "  a: {values: [{b: 1}]}\n", "3:16: parameters.a.values.0: a dict is no plain"),
        (GRID + "  a: {values: [2026-10-19]}\n", "a date is no plain value"),
        (GRID + "  a: {values: [.inf]}\n", "inf is no number to try"),
        (GRID + "  a: {values: [1], low: 1}\n", "3:3: parameters.a: has values, so low means"),
        (GRID + "  a: {low: 1}\n", "3:3: parameters.a: needs values, or low and high"),
        (GRID + "  a: {low: 2, high: 1}\n", "low 2 is not below high 1"),
        (GRID + "  a: {low: 0, high: 1, log: true, count: 3}\n", "begins above 0"),
        (GRID + "  a: {low: 0.5, high: 3, integer: true}\n", "are not whole numbers"),
        (GRID + "  a: {low: 0, high: 1}\n", "3:3: parameters.a: a grid cannot try a whole range"),
        (GRID + "  a: {low: 0, high: 1e9, integer: true}\n", "are 1000000001 runs"),
        (GRID + "  a b: {values: [1]}\n", "'a b' is no key"),
        (GRID + "  a: {values: [1]}\nsamples: 3\n", "4:1: samples: means nothing to a grid"),
        (GRID + "  a: {values: [1]}\nseed: 3\n", "4:1: seed: means nothing to a grid"),
        (GRID + "  a: {values: [1]}\nseeds: [1, 1]\n", "4:1: seeds: lists a seed twice"),
        (GRID + "  seed: {values: [1]}\nseeds: [1]\n", "parameters.seed: is varied by seeds"),
        (GRID + "  a: {values: [1]}\nmetric: f1\n", "4:1: metric: does not say what is better"),
        (GRID + "  a: {values: [1]}\ngoal: minimize\n", "4:1: goal: belongs to a metric"),
        ("method: random\nparameters: {a: {values: [1]}}\n", "samples: missing"),
        (DRAW + "  a: {values: [1]}\n", "2:1: samples: asks for 2 different points, and there"),
        (DRAW + "  a: {low: 1, high: 2, count: 2}\n", "a.count: means nothing to a drawing"),
        ("method: grid\nparameters: {}\n", "2:1: parameters"),
        ("method: grid\n", "parameters: missing"),
        ("", "is empty"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_its_cure(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(InvalidFile) as refused:
        _load(tmp_path, text)
    [problem] = refused.value.problems
    assert said in str(problem)
    assert problem.path == "sweep.yaml"


def test_the_example_in_the_documentation_is_one(tmp_path: Path) -> None:
    page = (reference.ROOT / "docs/how-to.md").read_text()
    [text] = re.findall(r"```yaml\n(method: .*?)```", page, re.DOTALL)
    assert len(points.expand(_load(tmp_path, text))) == 60


def test_a_good_file_fits_the_schema_that_editors_use(tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(reference.schemas()["sweep.json"])
    text = GOOD.replace("1e-", "1.0e-")  # what YAML 1.1 takes for a number too
    jsonschema.validate(yaml.safe_load(text), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"method": "grid", "parameters": {"a": {"value": [1]}}}, schema)
