"""sync, check --online and handoff against a real MLflow store on SQLite."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlws_scaffold.adapters import tracking
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.workspace.config import Workspace
from tests.support import mlflow_store
from tests.support.commandline import Mlws
from tests.support.template_repo import commit
from tests.unit.experiments.building import again, experiment, text, workspace

pytestmark = pytest.mark.slow


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    place = workspace(tmp_path / "ws", tracking=mlflow_store.TRACKING)
    mlflow_store.put(place.root)
    experiment(place)
    return place


def record(
    place: Workspace, accuracy: float, *, status: str = "FINISHED", dirty: bool = False
) -> str:
    """A run as the tracking client writes it."""
    client = tracking.client(place.config.tracking.uri, place.root)
    found = client.get_experiment_by_name("chunking-v1")
    number = found.experiment_id if found else client.create_experiment("chunking-v1")
    tags = {
        "mlws.experiment_id": "chunking-v1",
        "mlws.git.commit": Git(place.root).commit_of("HEAD"),
        "mlws.git.dirty": "true" if dirty else "false",
    }
    run = client.create_run(number, tags=tags)
    for step in range(2):
        client.log_metric(run.info.run_id, "accuracy", accuracy - 1 + step, step=step)
    if status != "RUNNING":
        client.set_terminated(run.info.run_id, status)
    return str(run.info.run_id)


def test_sync_check_and_handoff_say_the_same_as_the_store(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mlws = Mlws(place.root, monkeypatch, capsys)
    ended = mlws("experiment", "sync", "chunking-v1")
    assert (ended.code, "no run in MLflow" in ended.out) == (1, True)
    record(place, 0.99, status="RUNNING")
    record(place, 0.98, status="FAILED")
    record(place, 0.97, dirty=True)
    record(place, 0.8)
    best = record(place, 0.9)
    ended = mlws("experiment", "sync", "chunking-v1")
    assert (ended.code, ended.out) == (0, f"chunking-v1: accuracy 0.9 of run {best}\n")
    said = again(place).metadata.results
    assert said is not None
    assert (said.best_metric, said.run_id) == (0.9, best)
    assert said.commit == Git(place.root).commit_of("HEAD")
    assert "# never changes" in text(again(place))
    commit(place.root, "Results")
    assert "1 yes" in mlws("check", "EXP011", "--online").out

    (again(place).folder / "metadata.yaml").write_text(
        text(again(place)).replace("best_metric: 0.9", "best_metric: 0.95")
    )
    ended = mlws("check", "EXP011", "--online")
    assert ended.code == 1
    assert f"accuracy is 0.95 here, 0.9 in {best}" in ended.out

    mlws("experiment", "handoff", "chunking-v1", "--to", "mike")
    said_there = text(again(place), "HANDOFF.md")
    assert f"accuracy 0.9 (target 0.9), to maximize. Run `{best}`" in said_there
    assert f"uv run mlws reproduce {best}" in said_there
