"""Filters and orders of the list, and the pages of it that are kept for the next call."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from pathlib import Path

import pytest

from mlws_scaffold.errors import UsageError
from mlws_scaffold.experiments.index import entries, listing, metrics, pages
from mlws_scaffold.experiments.index.listing import Filters
from tests.support.commandline import Mlws
from tests.support.experiment_clones import Clone, metadata, team

PRIMARY = "primary_metric: {name: %s, goal: %s}\n"


@pytest.fixture
def ann(tmp_path: Path) -> Clone:
    clone = team(tmp_path)
    for name, metric, goal, best in (
        ("poor", "accuracy", "maximize", 0.7),
        ("good", "accuracy", "maximize", 0.9),
        ("lossy", "loss", "minimize", 2.5),
        ("tight", "loss", "minimize", 0.5),
    ):
        results = f"results: {{best_metric: {best}, metric: {metric}, run_id: r}}\n"
        clone.experiment("ann", name, metadata(name, "ann") + PRIMARY % (metric, goal) + results)
    several = "results: {best_metric: {accuracy: 0.95, f1: 0.5, note: fair}, run_id: r}\n"
    clone.experiment("ann", "several", metadata("several", "ann") + several)
    clone.experiment("ann", "unmeasured")
    clone.commit()
    return clone


def _ids(clone: Clone, filters: Filters) -> list[str]:
    with entries.everywhere(clone.layout) as found:
        return [json.loads(row)["experiment_id"] for row in listing.rows(found, filters)]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        (["accuracy>=0.9"], ["good-v1", "several-v1"]),
        (["accuracy > 0.9"], ["several-v1"]),
        (["accuracy=0.7"], ["poor-v1"]),
        (["accuracy==0.70"], ["poor-v1"]),
        (["loss<1"], ["tight-v1"]),
        (["accuracy>0.1", "f1<=5e-1"], ["several-v1"]),
        (["accuracy>0.1", "loss<9"], []),
        (["note>0"], []),
    ],
)
def test_a_metric_is_a_filter(ann: Clone, conditions: list[str], expected: list[str]) -> None:
    assert sorted(_ids(ann, Filters(metrics=tuple(conditions)))) == expected


@pytest.mark.parametrize(
    "text", ["accuracy", ">=0.9", "accuracy>=", "accuracy=>1", "a>=nan", "a>b"]
)
def test_what_is_no_condition_is_refused_with_an_example(ann: Clone, text: str) -> None:
    with pytest.raises(UsageError, match="no condition on a metric") as refused:
        _ids(ann, Filters(metrics=(text,)))
    assert "accuracy>=0.9" in refused.value.cure


def test_the_best_comes_first_whichever_way_is_better(ann: Clone) -> None:
    best = _ids(ann, Filters(sort="best_metric"))
    assert best[:4] == ["good-v1", "poor-v1", "tight-v1", "lossy-v1"]
    assert sorted(best[4:]) == ["several-v1", "unmeasured-v1"]  # of several none is the best
    worst = _ids(ann, Filters(sort="best_metric", reverse=True))
    assert worst[:4] == ["poor-v1", "good-v1", "lossy-v1", "tight-v1"]


def test_a_metric_that_nobody_has_is_remarked_on(
    ann: Clone, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = Mlws(ann.root, monkeypatch, capsys)("experiment", "list", "--metric", "acuracy>0")
    assert ended.code == 0
    assert "no experiment has a result for 'acuracy' (did you mean 'accuracy'?)" in ended.err


@pytest.mark.parametrize(
    ("fields", "values", "best", "direction"),
    [
        ({}, {}, None, 1),
        ({"results": {"best_metric": 0.5}}, {}, 0.5, 1),
        ({"results": {"best_metric": "0.5", "metric": "f1"}}, {"f1": 0.5}, 0.5, 1),
        ({"results": {"best_metric": "good", "metric": "f1"}}, {}, None, 1),
        ({"results": {"best_metric": True, "metric": "f1"}}, {}, None, 1),
        ({"results": {"best_metric": 10**400, "metric": "f1"}}, {}, None, 1),
        ({"results": {"best_metric": {"f1": 0.5, "x": "nan"}}}, {"f1": 0.5}, 0.5, 1),
        (
            {
                "primary_metric": {"name": "loss", "goal": "minimize"},
                "results": {"best_metric": {"loss": 1, "f1": 2}},
            },
            {"loss": 1.0, "f1": 2.0},
            1.0,
            -1,
        ),
        (
            {
                "primary_metric": {"name": "loss", "goal": "minimize"},
                "results": {"best_metric": 0.9, "metric": "f1"},
            },
            {"f1": 0.9},
            0.9,
            1,
        ),
    ],
)
def test_results_are_read_in_each_of_their_forms(
    fields: dict[str, object], values: dict[str, float], best: float | None, direction: int
) -> None:
    found = metrics.of(fields)
    assert (found.values, found.best, found.direction) == (values, best, direction)


def _pages(clone: Clone) -> list[dict[str, object]]:
    with entries.everywhere(clone.layout) as found:
        text = ",".join(pages.texts(found, Filters()))
    return list(json.loads(f"[{text}]"))


def test_kept_pages_are_what_the_rows_are(ann: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_ROWS", 2)
    first, second = _pages(ann), _pages(ann)
    assert first == second
    assert [row["experiment_id"] for row in second] == _ids(ann, Filters())
    with entries.everywhere(ann.layout) as found:
        (kept,) = found.connection.execute("select count(*) from pages").fetchone()
    assert kept == 3


def test_kept_pages_go_with_a_change_and_with_time(
    ann: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann.experiment("ann", "new")
    ann.commit(f"@{int(time.time()) - 13 * 86_400} +0000")
    rows = {row["experiment_id"]: row for row in _pages(ann)}
    assert (rows["new-v1"]["stale"], rows["good-v1"]["stale"]) == (False, True)
    later = time.time() + 2 * 86_400
    monkeypatch.setattr(time, "time", lambda: later)
    assert all(row["stale"] for row in _pages(ann))
    text = metadata("new", "ann").replace("in_progress", "completed")
    ann.experiment("ann", "new", text)
    assert {row["experiment_id"]: row for row in _pages(ann)}["new-v1"]["status"] == "completed"


def test_pages_are_not_kept_while_another_process_writes(ann: Clone) -> None:
    _ids(ann, Filters())
    (path,) = Path(os.environ["XDG_STATE_HOME"]).rglob("index.sqlite")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        with entries.everywhere(ann.layout) as found:
            other.execute("begin immediate")
            begun = time.monotonic()
            assert len(json.loads(f"[{','.join(pages.texts(found, Filters()))}]")) == 6
            assert time.monotonic() - begun < 20  # it does not wait for its turn
        other.execute("rollback")


def test_a_list_that_fits_nothing_is_still_a_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mlws = Mlws(team(tmp_path).root, monkeypatch, capsys)
    for filters in ((), ("--state", "failed")):
        data = json.loads(mlws("experiment", "list", "--json", *filters).out)
        assert data["experiments"] == []
