"""`sweep.yaml`: which values of the configuration are tried. One pydantic model."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from mlws_scaffold.adapters import documents
from mlws_scaffold.adapters.documents import Document
from mlws_scaffold.adapters.schema import WithOwnKeys
from mlws_scaffold.errors import InvalidFile, Problem
from mlws_scaffold.experiments.sweep import points

_NAME = re.compile(r"[^.=\s\x00-\x1f]+(\.[^.=\s\x00-\x1f]+)*")
# YAML 1.1 takes 1e-3 for text. `config.yaml` takes it for a number, so this file does too.
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+")


def _plain(value: Any) -> Any:
    """A value that --set can write. Raises ValueError."""
    if isinstance(value, list):
        if any(isinstance(inner, list) for inner in value):
            raise ValueError("a list in a list: vary one of its parts, or name several files")
        return [_plain(inner) for inner in value]
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is no number to try")
    if value is not None and not isinstance(value, bool | int | float | str):
        raise ValueError(
            f"a {type(value).__name__} is no plain value: write a number, a text, true, false,"
            " null, or a list of these"
        )
    return value


Scalar = bool | int | float | str | None
Value = Annotated[Scalar | tuple[Scalar, ...], BeforeValidator(_plain)]


class Parameter(WithOwnKeys):
    """The values of one key of the configuration: listed, or a range with both ends."""

    values: tuple[Value, ...] | None = Field(
        None, json_schema_extra={"minItems": 1}, description="a list such as [16, 32, 64]"
    )
    low: float | None = Field(None, allow_inf_nan=False, description="the least value")
    high: float | None = Field(None, allow_inf_nan=False, description="the greatest value")
    log: bool = Field(False, description="true when 0.001 to 0.01 counts as much as 0.1 to 1")
    integer: bool = Field(False, description="true for whole numbers only")
    count: int | None = Field(
        None, ge=2, le=points.MOST, description="how many values a grid takes from the range"
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Parameter:
        if self.values is not None:
            others = {name for name in self.model_fields_set if name != "values"}
            if others:
                raise ValueError(f"has values, so {', '.join(sorted(others))} means nothing here")
            if not self.values:
                raise ValueError("lists no value")
            texts = [points.written(value) for value in self.values]
            for text in texts:
                if texts.count(text) > 1:
                    raise ValueError(f"lists {text} twice")
            return self
        if self.low is None or self.high is None:
            raise ValueError("needs values, or low and high")
        if self.low >= self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError("a logarithmic range begins above 0")
        if self.integer and (self.low % 1 or self.high % 1):
            raise ValueError("low and high are not whole numbers")
        if self.integer and max(-self.low, self.high) > 2**53:
            raise ValueError("whole numbers end at 9007199254740992")
        return self


class Sweep(WithOwnKeys):
    """What to try. Keys that start with `x_` are the team's own and pass unread."""

    method: Literal["grid", "random"] = Field(
        description="grid (every combination) or random (`samples` draws)"
    )
    parameters: dict[str, Parameter] = Field(
        min_length=1, description="keys of the configuration, such as training.rate: {values: [1]}"
    )
    samples: int | None = Field(
        None, ge=1, le=points.MOST, description="how many points method random draws"
    )
    seed: int = Field(0, description="the seed of the drawing; the configuration has its own")
    seeds: tuple[int, ...] = Field(
        (), description="seeds such as [1, 2, 3]: every point runs once with each"
    )
    metric: str | None = Field(None, description="the metric that decides, if not primary_metric")
    goal: Literal["maximize", "minimize"] | None = None

    @field_validator("parameters")
    @classmethod
    def _names(cls, value: dict[str, Parameter]) -> dict[str, Parameter]:
        for name in value:
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no key: write it as in --set, such as model.size")
        return value


def load(path: Path, name: str) -> tuple[Sweep, Document]:
    """Read and judge a sweep file. Raises InvalidFile with the place of each mistake."""
    document = documents.read(path, name)
    sweep = documents.validate(Sweep, document)
    problems = list(_contradictions(sweep, document))
    if problems:
        raise InvalidFile(problems)
    return sweep, document


def _contradictions(sweep: Sweep, document: Document) -> Iterator[Problem]:
    if len(set(sweep.seeds)) < len(sweep.seeds):
        yield document.problem(("seeds",), "lists a seed twice", "the same seed gives the same run")
    if sweep.seeds and "seed" in sweep.parameters:
        yield document.problem(("parameters", "seed"), "is varied by seeds as well", "keep one")
    if sweep.metric and not sweep.goal:
        cure = "write goal: maximize, or goal: minimize"
        yield document.problem(("metric",), "does not say what is better", cure)
    if sweep.goal and not sweep.metric:
        yield document.problem(("goal",), "belongs to a metric", "write metric: NAME as well")
    found = list(
        _of_grid(sweep, document) if sweep.method == "grid" else _of_draws(sweep, document)
    )
    yield from found
    runs = points.size(sweep) * max(1, len(sweep.seeds)) if not found else 0
    if runs > points.MOST:
        said = f"are {runs:.0f} runs"
        yield document.problem(("parameters",), said, f"more than {points.MOST} are not started")


def _of_grid(sweep: Sweep, document: Document) -> Iterator[Problem]:
    for key in ("samples", "seed"):
        if key in sweep.model_fields_set:
            said = "means nothing to a grid, which tries every combination"
            yield document.problem((key,), said, "remove it, or write method: random")
    for name, one in sweep.parameters.items():
        if one.values is None and one.count is None and (one.log or not one.integer):
            cure = "write count: 5, or list values"
            yield document.problem(("parameters", name), "a grid cannot try a whole range", cure)


def _of_draws(sweep: Sweep, document: Document) -> Iterator[Problem]:
    if sweep.samples is None:
        yield document.problem(("samples",), "missing", "write how many points are drawn")
    elif sweep.samples > points.different(sweep):
        said = f"asks for {sweep.samples} different points, and there are"
        there = f"{points.different(sweep):.0f}"
        yield document.problem(("samples",), f"{said} {there}", "write fewer, or method: grid")
    for name, one in sweep.parameters.items():
        if one.count is not None:
            said = "means nothing to a drawing"
            yield document.problem(("parameters", name, "count"), said, "remove it")
