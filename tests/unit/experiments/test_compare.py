"""`mlws experiment compare`: configurations from any branch, and why metrics are missing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlws_scaffold.experiments import results
from mlws_scaffold.experiments.index import compare
from mlws_scaffold.experiments.results import Run
from mlws_scaffold.workspace.config import load
from tests.support.commandline import Mlws
from tests.support.experiment_clones import Clone, team
from tests.support.template_repo import write


@pytest.fixture
def ann(tmp_path: Path) -> Clone:
    """`one` is committed on a branch that is not checked out, `two` is not committed."""
    clone = team(tmp_path)
    clone.git("switch", "--quiet", "-c", "side")
    folder = clone.experiment("ann", "one")
    write(clone.root, {f"{folder}/config.yaml": "lr: 0.1\nmodel: {size: 3, kind: a}\n"})
    clone.commit()
    clone.git("switch", "--quiet", "main")
    folder = clone.experiment("ann", "two")
    write(clone.root, {f"{folder}/config.yaml": "lr: 0.1\nmodel: {size: 5, kind: a}\nseed: 1\n"})
    return clone


def test_only_what_differs_is_shown_wherever_it_lies(
    ann: Clone, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mlws = Mlws(ann.root, monkeypatch, capsys)
    data = json.loads(mlws("experiment", "compare", "one-v1", "two-v1", "--json").out)
    assert data["configuration"] == {"model.size": [3, 5], "seed": ["-", 1]}
    assert [side["branch"] for side in data["sides"]] == ["side", "main"]
    assert data["notes"][0].startswith("metrics not measured: ")
    ended = mlws("experiment", "compare", "one-v1", "two-v1", "--markdown")
    assert "| model.size | 3 | 5 |" in ended.out
    assert mlws("experiment", "compare", "one-v1").code == 2


def test_a_broken_configuration_is_named_and_the_others_compared(ann: Clone) -> None:
    write(ann.root, {"experiments/active/ann/two/config.yaml": "lr: ["})
    found = compare.compare(load(ann.root), ["one-v1", "two-v1"])
    assert found.notes[1].startswith("experiments/active/ann/two/config.yaml:2:1: is no YAML")
    assert found.configuration["lr"] == [0.1, "-"]


def test_finished_runs_are_replicates_of_each_other(
    ann: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(value: float, status: str = "FINISHED") -> Run:
        start = datetime(2026, 1, 1, tzinfo=UTC)
        tags = {"mlws.experiment_id": "one-v1", "mlws.git.commit": "abc"}
        return Run("r", "one", status, start, None, {"accuracy": value}, {}, tags)

    runs = [run(0.8), run(0.9), run(0.1, "FAILED")]
    monkeypatch.setattr(results, "runs_of", lambda place: runs)
    one, two = compare.compare(load(ann.root), ["one-v1", "two-v1"]).sides
    assert str(one.metrics["accuracy"]) == "0.85 (0.8 to 0.9, 2 runs)"
    assert one.commits == ["abc"]
    assert two.metrics == {}
