"""Runs that end in other ways: interrupted, killed, lost, in the background."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.workspace import state
from tests.support import run_workspace
from tests.support.commandline import Mlws
from tests.support.run_workspace import FOLDER, gone, rows, run_ids, tags, until

pytestmark = pytest.mark.slow
MLWS = Path(sys.executable).with_name("mlws")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return run_workspace.make(tmp_path / "ws")


@pytest.fixture
def mlws(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mlws:
    return Mlws(root, monkeypatch, capsys)


def _start(root: Path) -> tuple[subprocess.Popen[bytes], int]:
    """`mlws run` with a script that waits; returns it and the script's process id."""
    parent = subprocess.Popen([MLWS, "run", "first", "--", "--wait"], cwd=root)
    started = root / FOLDER / "started"
    until(lambda: started.exists() and started.read_text())
    return parent, int(started.read_text())


def _status(root: Path) -> str:
    return rows(root, "select status from runs")[0][0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_is_killed_with_what_it_logged(root: Path, number: int) -> None:
    parent, child = _start(root)
    parent.send_signal(number)
    assert parent.wait(60) == 130
    assert gone(child)
    assert _status(root) == "KILLED"
    assert rows(root, "select key from latest_metrics where key = 'accuracy'")
    assert float(tags(root, run_ids(root)[0])["mlws.duration_seconds"]) > 0


def test_a_killed_script_is_a_failed_run(root: Path) -> None:
    parent, child = _start(root)
    os.kill(child, signal.SIGKILL)
    assert parent.wait(60) == 137
    assert _status(root) == "FAILED"


def test_a_run_without_its_parent_lives_and_without_both_is_lost(root: Path, mlws: Mlws) -> None:
    parent, child = _start(root)
    until(lambda: tags(root, run_ids(root)[0])["mlws.job_id"].startswith(f"{child}@"))
    parent.kill()
    parent.wait()
    assert "no run is lost" in mlws("experiment", "reap").out
    assert " running " in mlws("experiment", "runs").out
    os.kill(child, signal.SIGKILL)
    until(lambda: gone(child))
    [shown] = json.loads(mlws("experiment", "runs", "--json").out)
    assert shown["state"] == "lost"
    assert "would end" in mlws("experiment", "reap", "--dry-run").out
    assert _status(root) == "RUNNING"
    assert mlws("experiment", "reap").out.startswith("lost: ")
    assert _status(root) == "KILLED"
    [shown] = json.loads(mlws("experiment", "runs", "--json").out)
    assert shown["state"] == "lost"
    assert "no run is lost" in mlws("experiment", "reap").out


def test_an_end_that_the_store_could_not_be_told_is_kept_until_it_can(
    root: Path, mlws: Mlws
) -> None:
    script = root / FOLDER / "train.py"
    away = "os.rename(os.environ['STORE'], os.environ['STORE'] + '.away')\nsys.exit(int"
    script.write_text(script.read_text().replace("sys.exit(int", away))
    mlws.monkeypatch.setenv("STORE", str(root / "mlflow.db"))
    mlws.monkeypatch.setenv("TRAIN_STATUS", "3")
    ended = mlws("run", "first")
    assert (ended.code, "mlws experiment reap" in ended.err) == (3, True)
    (root / "mlflow.db.away").rename(root / "mlflow.db")
    assert _status(root) == "RUNNING"
    [before] = json.loads(mlws("experiment", "reap", "--dry-run", "--json").out)
    assert (before["state"], before["ended"]) == ("failed", False)
    assert mlws("experiment", "reap").out.startswith("failed: ")
    assert _status(root) == "FAILED"
    assert tags(root, run_ids(root)[0])["mlws.exit_status"] == "3"
    [[start, end]] = rows(root, "select start_time, end_time from runs")
    [shown] = json.loads(mlws("experiment", "runs", "--json").out)
    assert 0 < end - start < 1000 * (float(shown["seconds"]) + 1)
    assert not list(state.folder(root).glob("runs/*"))
    assert "no run is lost" in mlws("experiment", "reap").out


def test_a_background_run_executes_the_snapshot_and_leaves_no_work_tree(
    root: Path, mlws: Mlws
) -> None:
    script = root / FOLDER / "train.py"
    script.write_text(script.read_text().replace("/ 10 +", "/ 5 +"))
    ended = mlws("run", "first", "--detach")
    assert ended.code == 0, ended.err
    assert "in the background" in ended.out
    script.write_text("raise SystemExit('edited later')\n")
    (root / "shared/tools/src/shared_tools/__init__.py").write_text("raise SystemExit(9)\n")
    log = Path(ended.out.split("writes to ")[1].strip())
    until(lambda: _status(root) != "RUNNING")
    assert _status(root) == "FINISHED", log.read_text()
    [run] = run_ids(root)
    assert rows(root, "select value from latest_metrics where key = 'accuracy'") == [(0.61,)]
    assert f"worktrees/{run}/shared/tools" in tags(root, run)["tools"]
    place = state.folder(root)
    until(lambda: not (place / "worktrees" / run).exists())
    assert (root / FOLDER / "outputs" / run[:8] / "model.txt").read_text() == "made"
    until(lambda: not (place / "runs" / f"{run}.json").exists())
    assert len(Git(root).run("worktree", "list").splitlines()) == 1
