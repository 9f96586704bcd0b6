"""Runs on a real Slurm: one, an array, one cancelled, one preempted that goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlws_scaffold.workspace import state
from tests.support import run_workspace, slurm
from tests.support.commandline import Mlws
from tests.support.run_workspace import rows, run_ids, tags

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[slurm.Cluster]:
    if why := slurm.missing():
        pytest.skip(why)
    with slurm.running(tmp_path_factory.mktemp("slurm") / "cluster") as made:
        yield made


@pytest.fixture
def root(tmp_path: Path, cluster: slurm.Cluster, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    return run_workspace.make(tmp_path / "ws")


@pytest.fixture
def mlws(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mlws:
    return Mlws(root, monkeypatch, capsys)


def test_a_run_is_handed_over_followed_and_recorded(
    root: Path, mlws: Mlws, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = mlws("run", "first", "--on", "slurm", "--ask", "gpus=1", "--ask", "time=5m")
    [run] = run_ids(root)
    log = (state.folder(root) / "runs" / f"{run}.log").read_text()
    assert done.code == 0, (done, log)
    assert f"run {run} FINISHED" in done.out
    assert rows(root, "select status from runs") == [("FINISHED",)]
    found = tags(root, run)
    assert found["mlws.backend"] == "slurm"
    assert found["mlws.scheduler_job"].startswith("slurm:")
    assert rows(root, "select value from latest_metrics where key = 'accuracy'")
