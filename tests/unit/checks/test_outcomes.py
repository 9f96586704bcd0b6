"""EXP011 and EXP012: results as MLflow has them, handoffs without open questions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mlws_scaffold.checks.target import Scope
from mlws_scaffold.experiments import results
from mlws_scaffold.experiments.results import Run
from tests.unit.checks.building import EXPERIMENT, METADATA, Place

ONLINE = Scope(online=True)
SYNCED = """\
primary_metric: {name: accuracy, goal: maximize}
results:
  best_metric: 0.9
  metric: accuracy
  run_id: aa
"""


def store(monkeypatch: pytest.MonkeyPatch, **accuracy: float) -> None:
    """A tracking store with these runs of the experiment."""
    start = datetime(2026, 3, 1, tzinfo=UTC)
    runs = [
        Run(name, "chunking-v1", "FINISHED", start, None, {"accuracy": value})
        for name, value in accuracy.items()
    ]
    monkeypatch.setattr(results, "runs_of", lambda _place, _names=None: runs)


@pytest.fixture
def synced(place: Place) -> Place:
    place.write(f"{EXPERIMENT}/metadata.yaml", METADATA + SYNCED)
    place.commit()
    return place


def test_results_that_agree(synced: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    store(monkeypatch, aa=0.9, bb=0.8)
    result = synced.ask("EXP011", ONLINE)
    assert (result.answer, result.warnings) == ("yes", ())


def test_a_typed_number_is_found(synced: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    store(monkeypatch, aa=0.7)
    (problem,) = synced.problems("EXP011", ONLINE)
    assert problem == (
        f"{EXPERIMENT}/metadata.yaml:8:1: results: accuracy is 0.9 here, 0.7 in aa"
        " (mlws experiment sync chunking-v1)"
    )


def test_a_run_that_nobody_has_is_found(synced: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    store(monkeypatch, zz=0.9)
    assert "run aa is not in MLflow" in synced.problems("EXP011", ONLINE)[0]


def test_a_better_run_is_a_remark(synced: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    store(monkeypatch, aa=0.9, bb=0.95)
    (warning,) = synced.warnings("EXP011", ONLINE)
    assert "run bb is better by now" in warning


def test_without_an_answer_there_is_no_verdict(synced: Place) -> None:
    assert synced.ask("EXP011").reason == "asked with --online only: MLflow has to answer"
    synced.write("mlws.toml", '[workspace]\nname = "d"\n[tracking]\nuri = "http://127.0.0.1:9"\n')
    result = synced.ask("EXP011", ONLINE)
    assert result.answer == "not applicable"
    assert "cannot be read" in result.reason


def test_marks_left_in_a_handoff_are_problems(place: Place) -> None:
    place.write(f"{EXPERIMENT}/HANDOFF.md", "# Handoff\n\n<!-- mlws:fill What works? -->\n")
    (problem,) = place.problems("EXP012")
    assert problem.startswith(f"{EXPERIMENT}/HANDOFF.md:3:1: is not filled in here")
    place.write(f"{EXPERIMENT}/HANDOFF.md", "# Handoff\n\nAll of it.\n")
    assert place.ask("EXP012").answer == "yes"
    place.write(f"{EXPERIMENT}/HANDOFF.md", b"\xff\xfe")
    assert "UTF-8" in place.problems("EXP012")[0]
