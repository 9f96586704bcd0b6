"""The experiment that is really rendered: run, refused, listed, reproduced, all through `mlws`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from tests.support import mlflow_store
from tests.support.commandline import Mlws
from tests.support.rendering import render
from tests.support.run_workspace import artifact, rows, run_ids
from tests.support.template_repo import commit

pytestmark = pytest.mark.slow


def test_the_rendered_experiment_is_run_and_reproduced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("numpy")
    root = render("workspace", {}, tmp_path / "ws")
    folder = root / "experiments/active/researcher/first"
    answers = {
        "experiment_name": "first",
        "experiment_goal": "Find out whether it learns",
        "experiment_hypothesis": "Two layers are enough",
    }
    render("experiment", answers, folder)
    Git(root).run("init", "--quiet")
    commit(root, "Start")
    mlflow_store.put(root)
    # The workspace's environment has shared_tools; this interpreter finds them here.
    monkeypatch.setenv("PYTHONPATH", str(root / "shared/tools/src"))
    mlws = Mlws(folder, monkeypatch, capsys)
    short = ("--set", "training.epochs=3")
    ended = mlws("run", *short)
    assert ended.code == 0, ended.err
    assert rows(root, "select status, count(*) from runs group by status") == [("FINISHED", 1)]
    [run] = run_ids(root)
    assert artifact(root, run, "best_model.npz").is_file()
    assert "epochs: 3" in artifact(root, run, "mlws/config.resolved.yaml").read_text()
    assert "status: in_progress" in (folder / "metadata.yaml").read_text()
    assert f"run {run} of first" in mlws("run", *short).err
    said = json.loads(mlws("reproduce", run, "--json").out)
    assert said["verdict"] == "equal"
    assert len(said["metrics"]) > 1
