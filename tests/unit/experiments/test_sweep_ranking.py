"""Which point of a sweep is the best, how it is drawn, and where its runs stand in a list."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from mlws_scaffold.experiments import journal
from mlws_scaffold.experiments.journal import Line
from mlws_scaffold.experiments.results import Run
from mlws_scaffold.experiments.sweep import picture, ranking
from mlws_scaffold.experiments.sweep.points import Point, expand
from mlws_scaffold.experiments.sweep.spec import Sweep
from mlws_scaffold.experiments.sweep.stages import Card, Row

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


def _card(number: int, seed: int | None, value: float | None, state: Any = "finished") -> Card:
    metrics = {} if value is None else {"loss": value}
    run = Run(f"r{number}-{seed}", "x", "FINISHED", NOW, NOW + timedelta(seconds=2), metrics)
    trial: Any = SimpleNamespace(point=Point(number, (("size", number),), seed))
    return Card(trial, state, None if state == "waiting" else run)


def _rank(*cards: Card, goal: str = "minimize") -> tuple[Row, ...]:
    prepared: Any = SimpleNamespace(metric="loss", goal=goal)
    return ranking.rank(prepared, cards)


def test_points_are_ordered_by_the_mean_of_their_finished_seeds() -> None:
    cards = [
        _card(1, 1, 0.1),
        _card(2, 1, 0.3),
        _card(1, 2, 0.9),
        _card(2, 2, 0.4),
        _card(3, 1, 0.0, "failed"),
        _card(3, 2, None, "waiting"),
        _card(4, 1, math.nan),
        _card(4, 2, 0.6),
    ]
    rows = _rank(*cards)
    assert [row.point.number for row in rows] == [2, 2, 1, 1, 4, 4, 3, 3]
    assert [row.point.number for row in _rank(*cards, goal="maximize")][:2] == [4, 4]
    assert rows[0].mean == 0.35
    best = ranking.best(rows)
    assert best is not None
    assert best.run_id in ("r2-1", "r2-2")
    assert ranking.best(_rank(_card(1, None, None), _card(2, None, math.inf))) is None
    assert rows[-2].metric is None  # what a failed run logged is no result


def test_a_table_has_seed_and_mean_only_where_there_are_seeds() -> None:
    plain = _rank(_card(1, None, 0.5))
    assert ranking.as_csv("loss", plain) == (
        "point,size,loss,state,run,seconds\n1,1,0.5,finished,r1-None,2.0\n"
    )
    seeded = _rank(_card(1, 3, 0.5))
    assert ranking.columns("loss", seeded)[2:5] == ["seed", "loss", "mean loss"]


def _drawn(parameters: dict[str, Any], **more: Any) -> str:
    sweep = Sweep.model_validate({"method": "grid", "parameters": parameters, **more})
    rows = [
        Row(point, "finished", "r", float(index), float(index), 1.0)
        for index, point in enumerate(expand(sweep))
    ]
    entry = SimpleNamespace(metadata=SimpleNamespace(experiment_id="first"))
    order = SimpleNamespace(request=SimpleNamespace(entry=entry))
    file = SimpleNamespace(name="sweep.yaml")
    prepared: Any = SimpleNamespace(order=order, file=file, metric="loss", sweep=sweep)
    return picture.plotted(prepared, rows)


def test_numbers_are_lines_and_words_are_bars() -> None:
    numbers = {"rate": {"values": [0.1, 0.2, 0.3]}, "kind": {"values": ["a", "b"]}}
    lines = _drawn({**numbers, "fixed": {"values": [1]}})
    assert lines.count("<polyline") == 2
    assert ">kind=a</text>" in lines  # what does not vary is not named
    assert "fixed" not in lines
    words = _drawn({"kind": {"values": ["a", "b"]}, "way": {"values": [True, False]}})
    assert (words.count("<polyline"), words.count("<rect")) == (0, 5)
    seeds = _drawn({"rate": {"values": [0.1, 0.2]}}, seeds=[1, 2, 3])
    assert (seeds.count("<polyline"), ">each seed</text>" in seeds) == (1, True)
    grid = {"low": 0.001, "high": 1, "log": True, "count": 4}
    assert ">0.01</text>" in _drawn({"rate": grid})


def _line(name: str, **tags: str) -> Line:
    known = {f"mlws.{key}": value for key, value in tags.items() if key != "parent"}
    if "parent" in tags:
        known["mlflow.parentRunId"] = tags["parent"]
    return Line(Run(name, "x", "FINISHED", NOW, None, tags=known), "x", "finished", None)


def test_points_stand_below_their_sweep() -> None:
    found = [
        _line("new"),
        _line("b", sweep="s", parent="sweep"),
        _line("between"),
        _line("a", sweep="s", parent="sweep"),
        _line("sweep", **{"sweep": "s", "sweep.points": "2"}),
        _line("lone", sweep="s", parent="older"),
        _line("nested", parent="new"),
    ]
    shown = [(line.run.run_id, below) for line, below in journal.families(found)]
    assert shown == [
        ("new", False),
        ("sweep", False),
        ("b", True),
        ("a", True),
        ("between", False),
        ("lone", False),
        ("nested", False),
    ]
