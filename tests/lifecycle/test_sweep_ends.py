"""Sweeps that are cut off: killed, interrupted, left by their parent; and how they go on."""

from __future__ import annotations

import csv
import os
import signal
import sqlite3
import subprocess
import threading
from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.workspace import state
from tests.support import sweep_workspace
from tests.support.commandline import Mlws
from tests.support.run_workspace import FOLDER, artifact, gone, rows, tags, until
from tests.support.sweep_workspace import MLWS, gate, let_go, parents, points, started
from tests.support.template_repo import write

pytestmark = pytest.mark.slow

SIX = "method: grid\nparameters:\n  model.size: {values: [1, 2, 3, 4, 5, 6]}\n"
THREE = {f"{FOLDER}/sweep.yaml": SIX.replace(", 4, 5, 6", "")}
COMMAND = ("run", "first", "--sweep", "sweep.yaml", "--parallel", "2")
LIGHT = ("--", "--light")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = sweep_workspace.make(tmp_path / "ws", SIX)
    monkeypatch.setenv("GATE", str(gate(made)))
    return made


@pytest.fixture
def mlws(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mlws:
    return Mlws(root, monkeypatch, capsys)


def _start(root: Path, *more: str) -> subprocess.Popen[str]:
    """The sweep as the leader of its own process group, as a terminal would start it."""
    return subprocess.Popen(
        [MLWS, *COMMAND, *more],
        cwd=root,
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _statuses(root: Path) -> list[str]:
    return [status for parent in parents(root) for _, status, _ in points(root, parent)]


def _nothing_is_left(root: Path) -> None:
    place = state.folder(root)
    assert list((place / "worktrees").iterdir()) == list((place / "runs").glob("*.json")) == []
    assert len(Git(root).run("worktree", "list").splitlines()) == 1


def test_a_sweep_whose_processes_are_all_killed_goes_on_and_repeats_no_finished_point(
    root: Path, mlws: Mlws
) -> None:
    let_go(root, (1, 2, 3))
    sweep = _start(root)
    until(lambda: _statuses(root).count("FINISHED") == 3 and {"4", "5"} <= {*started(root)})
    os.killpg(sweep.pid, signal.SIGKILL)
    sweep.communicate()
    until(lambda: all(gone(pid) for pids in started(root).values() for pid in pids))
    [parent] = parents(root)
    finished = {run for _, status, run in points(root, parent) if status == "FINISHED"}
    listed = mlws("experiment", "runs").out
    assert listed.count(" lost ") == 3  # two points and the sweep itself
    let_go(root)
    ended = mlws(*COMMAND)
    assert ended.code == 0, ended.err
    assert parents(root) == [parent]
    assert {size: len(pids) for size, pids in started(root).items()} == {
        "1": 1,
        "2": 1,
        "3": 1,
        "4": 2,
        "5": 2,
        "6": 1,
    }
    found = points(root, parent)
    assert sorted(status for _, status, _ in found) == ["FINISHED"] * 6 + ["KILLED"] * 2
    assert finished < {run for _, status, run in found if status == "FINISHED"}
    assert rows(root, f"select status from runs where run_uuid = '{parent}'") == [("FINISHED",)]
    with artifact(root, parent, "mlws/sweep.csv").open() as file:
        assert [row["point"] for row in csv.DictReader(file)] == ["6", "5", "4", "3", "2", "1"]
    assert tags(root, parent)["mlws.sweep.best_point"] == "model.size=6"
    assert "lost" not in ended.out
    _nothing_is_left(root)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_sweep_ends_its_points_and_says_how_to_go_on(
    root: Path, mlws: Mlws, number: int
) -> None:
    let_go(root, (1,))
    sweep = _start(root, *LIGHT)
    until(lambda: {"2", "3"} <= {*started(root)} and "FINISHED" in _statuses(root))
    again = mlws(*COMMAND, *LIGHT)
    assert (again.code, "running already" in again.err) == (1, True)
    sweep.send_signal(number)
    _, said = sweep.communicate(timeout=60)
    assert sweep.returncode == 130, said
    assert "go on with: mlws run experiments/active/ann/first --sweep sweep.yaml" in said
    assert all(gone(pid) for pids in started(root).values() for pid in pids)
    assert sorted(_statuses(root)) == ["FINISHED", "KILLED", "KILLED"]
    [parent] = parents(root)
    assert rows(root, f"select status from runs where run_uuid = '{parent}'") == [("KILLED",)]
    assert artifact(root, parent, "mlws/sweep.csv").read_text().count("waiting") == 3
    _nothing_is_left(root)


def test_ctrl_c_on_a_terminal_reaches_all_processes_and_starts_no_further_point(
    root: Path,
) -> None:
    sweep = _start(root, *LIGHT)
    until(lambda: {"1", "2"} <= {*started(root)})
    os.killpg(sweep.pid, signal.SIGINT)
    sweep.communicate(timeout=60)
    assert sweep.returncode == 130
    assert {*started(root)} == {"1", "2"}
    assert _statuses(root) == ["KILLED", "KILLED"]


def test_points_that_outlive_their_sweep_are_waited_for_and_not_repeated(
    root: Path, mlws: Mlws
) -> None:
    write(root, THREE)
    sweep = _start(root, *LIGHT)
    until(lambda: {"1", "2"} <= {*started(root)})
    sweep.kill()
    sweep.communicate()
    waiting = threading.Timer(2.0, let_go, (root,))
    waiting.start()
    ended = mlws(*COMMAND, *LIGHT)
    waiting.join()
    assert ended.code == 0, ended.err
    assert ended.err.count("is still running: waiting for it") == 2
    assert [len(pids) for pids in started(root).values()] == [1] * 3
    _nothing_is_left(root)


def test_a_point_that_cannot_be_started_stops_the_sweep_and_is_not_its_result(
    root: Path, mlws: Mlws
) -> None:
    let_go(root)
    blocked = state.folder(root) / "worktrees"
    blocked.parent.mkdir(parents=True)
    blocked.touch()  # a file where the folder should be
    ended = mlws("run", "first", "--sweep", "sweep.yaml", *LIGHT)
    assert ended.code == 1
    assert "got no work tree" in ended.err
    assert "go on with: mlws run" in ended.err
    assert (_statuses(root), ended.out.count("waiting")) == (["FAILED"], 5)
    blocked.unlink()
    assert mlws("run", "first", "--sweep", "sweep.yaml", *LIGHT).code == 0
    assert len(parents(root)) == 1
    _nothing_is_left(root)


def test_a_store_that_is_locked_for_a_while_is_waited_for(root: Path, mlws: Mlws) -> None:
    """Longer than the five seconds that Python's own connections wait."""
    write(root, THREE)
    let_go(root)
    sweep = _start(root, *LIGHT)
    until(lambda: "FINISHED" in _statuses(root))
    store = sqlite3.connect(root / "mlflow.db", timeout=60, isolation_level=None)
    store.execute("begin immediate")
    with pytest.raises(subprocess.TimeoutExpired):
        sweep.communicate(timeout=6)
    store.execute("rollback")
    store.close()
    _, said = sweep.communicate(timeout=120)
    assert sweep.returncode == 0, said
    assert _statuses(root) == ["FINISHED"] * 3
