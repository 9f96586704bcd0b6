"""An evaluation in MLflow: where it is set up, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlws_scaffold.adapters import mlflow, tracking
from mlws_scaffold.agents.evaluation import tracked
from mlws_scaffold.agents.evaluation.cases import Case
from mlws_scaffold.agents.evaluation.judging import Answer, Attempt, Tried
from mlws_scaffold.agents.evaluation.recordings import Model
from mlws_scaffold.agents.evaluation.report import Evaluation
from mlws_scaffold.workspace.config import load
from tests.support import mlflow_store, tiny_workspace

CASE = Case(id="capital", ask="Capital?", runs=2, references=("Paris",))
RIGHT = Attempt(1, Answer("Paris", 0.1), (), 1.0)
WRONG = Attempt(2, Answer("Lyon", 0.1), ("does not contain 'Paris'",), 0.0)
DONE = Evaluation("helper", Model("base", "d" * 64), True, (Tried(CASE, (RIGHT, WRONG)),), ())


def test_the_scores_are_a_run_of_the_agents_own_experiment(tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    root = tiny_workspace.make(tmp_path / "ws", tracking=mlflow_store.TRACKING)
    mlflow_store.put(root)
    assert tracked.log(load(root), DONE, "c" * 40) == ""
    (run,) = tracking.search(f"sqlite:///{mlflow_store.NAME}", root, ["agents/helper"])
    assert run["status"] == "FINISHED"
    assert run["metrics"] == {"score": 0.5, "capital.passed": 0.5, "capital.score": 0.5}
    assert run["tags"]["mlws.git.commit"] == "c" * 40
    assert run["tags"]["mlws.fake"] == "false"


def test_a_store_that_fails_is_only_said(tmp_path: Path) -> None:
    if not mlflow.is_installed():
        pytest.skip("MLflow is not installed")
    root = tiny_workspace.make(tmp_path / "ws", tracking=mlflow_store.TRACKING)
    (root / mlflow_store.NAME).write_text("no database")
    assert tracked.log(load(root), DONE, "c" * 40).startswith("not logged to MLflow:")


def test_where_nobody_tracks_no_store_is_made(tmp_path: Path) -> None:
    root = tiny_workspace.make(tmp_path / "ws", tracking=mlflow_store.TRACKING)
    assert tracked.log(load(root), DONE, "c" * 40) == ""
    assert not (root / mlflow_store.NAME).exists()
