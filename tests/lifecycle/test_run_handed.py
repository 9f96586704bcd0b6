"""Runs that are handed over to a backend, here one inside the test."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlws_scaffold.experiments import backends
from mlws_scaffold.experiments.backends import slurm
from mlws_scaffold.experiments.run import scheduling, supervise
from mlws_scaffold.experiments.run.stages import Launched, unmetered
from mlws_scaffold.workspace import state
from tests.support import fake_kubectl, run_workspace
from tests.support.commandline import Mlws
from tests.support.in_process import InProcess
from tests.support.run_workspace import FOLDER, rows, run_ids, tags
from tests.support.template_repo import commit, write

pytestmark = pytest.mark.slow
# As in `run_workspace`, without MLflow, whose import takes seconds.
TRAIN = """\
import os, sqlite3, sys
from pathlib import Path
sys.path.append("@TOOLS@")
from shared_tools.configuration import load_config

words = sys.argv[1:]
sets = [value for flag, value in zip(words, words[1:]) if flag == "--set"]
config = load_config(Path(words[words.index("--config") + 1]), sets)
with sqlite3.connect(os.environ["MLFLOW_TRACKING_URI"].removeprefix("sqlite:///"), 60) as store:
    store.execute(
        "insert or replace into latest_metrics (key, value, timestamp, step, is_nan, run_uuid)"
        " values ('accuracy', ?, 0, 0, 0, ?)",
        (config["model"]["size"], os.environ["MLFLOW_RUN_ID"]),
    )
Path("outputs").mkdir(exist_ok=True)
Path("outputs/model.txt").write_text("made")
print("trained")
sys.exit(int(os.environ.get("TRAIN_STATUS", "0")))
"""
SWEEP = "method: grid\nparameters: {model.size: {values: [1, 2, 3]}}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = run_workspace.make(tmp_path / "ws")
    script = TRAIN.replace("@TOOLS@", f"{made}/shared/tools/src")
    write(made, {f"{FOLDER}/train.py": script, f"{FOLDER}/sweep.yaml": SWEEP})
    commit(made, "Sweep")
    return made


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> InProcess:
    made = InProcess(patience=1)
    monkeypatch.setitem(backends.BACKENDS, "slurm", lambda _place: made)
    monkeypatch.setattr(scheduling, "_LOOK_SECONDS", 0.05)
    return made


@pytest.fixture
def mlws(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mlws:
    return Mlws(root, monkeypatch, capsys)


def _left(root: Path) -> list[Path]:
    place = state.folder(root)
    return [*place.glob("worktrees/*"), *place.glob("runs/*.json")]


def test_a_run_is_followed_to_its_end_and_leaves_nothing(
    root: Path, mlws: Mlws, queue: InProcess
) -> None:
    done = mlws("run", "first", "--on", "slurm", "--ask", "time=4h")
    [run] = run_ids(root)
    assert (done.code, f"run {run} FINISHED" in done.out) == (0, True)
    assert "trained\n" in done.out
    assert queue.terms.asks == {"time": "4h"}
    assert (root / FOLDER / "outputs" / run[:8] / "model.txt").read_text() == "made"
    assert _left(root) == []
    assert mlws("experiment", "runs", "--json").code == 0


def test_the_status_of_what_was_handed_over_is_the_exit_code(
    root: Path, mlws: Mlws, queue: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAIN_STATUS", "3")
    assert mlws("run", "first", "--on", "slurm").code == 1
    assert rows(root, "select status from runs") == [("FAILED",)]


def test_a_backend_that_takes_nothing_leaves_a_failed_run_and_no_work_tree(
    root: Path, mlws: Mlws, queue: InProcess
) -> None:
    queue.refuses = True
    done = mlws("run", "first", "--on", "slurm")
    assert (done.code, "the queue is closed" in done.err) == (4, True)
    assert rows(root, "select status from runs") == [("FAILED",)]
    assert _left(root) == []


def test_a_waiting_run_is_scheduled_is_no_lost_one_and_can_be_cancelled(
    root: Path, mlws: Mlws, queue: InProcess
) -> None:
    queue.patience = 1000
    assert mlws("run", "first", "--on", "slurm", "--detach").code == 0
    [run] = run_ids(root)
    [shown] = json.loads(mlws("experiment", "runs", "--json").out)
    assert shown["state"] == "scheduled"
    assert "no run is lost" in mlws("experiment", "reap").out
    assert mlws("run", "--cancel", run[:8]).code == 0
    assert rows(root, "select status from runs") == [("KILLED",)]
    assert queue.words[run] == "cancelled"
    assert _left(root) == []
    assert "has ended already" in mlws("run", "--cancel", run).out


def test_a_run_whose_scheduler_has_forgotten_it_is_reaped(
    root: Path, mlws: Mlws, queue: InProcess
) -> None:
    queue.patience = 1000
    mlws("run", "first", "--on", "slurm", "--detach")
    [run] = run_ids(root)
    queue.words[run] = "unknown"
    assert f"lost: {run}" in mlws("experiment", "reap").out
    assert rows(root, "select status from runs") == [("KILLED",)]
    assert _left(root) == []


def test_a_detached_sweep_is_one_array_and_goes_on_with_the_same_command(
    root: Path, mlws: Mlws, queue: InProcess
) -> None:
    queue.patience = 10
    command = ("run", "first", "--sweep", "sweep.yaml", "--on", "slurm")
    assert mlws(*command, "--detach", "--parallel", "2").code == 0
    assert (len(queue.tasks), queue.terms.parallel) == (3, 2)
    assert len(set(queue.tasks)) == 3
    assert {status for (status,) in rows(root, "select status from runs")} == {"SCHEDULED"}
    done = mlws(*command)
    assert done.code == 0, done
    assert len(queue.tasks) == 3  # none was handed over twice
    assert {status for (status,) in rows(root, "select status from runs")} == {"FINISHED"}
    assert (root / FOLDER / "results").is_dir()
    assert _left(root) == []


def test_nobody_cancels_a_run_that_was_never_handed_over(root: Path, mlws: Mlws) -> None:
    mlws("run", "first")
    done = mlws("run", "--cancel", run_ids(root)[0])
    assert (done.code, "was not handed over" in done.err) == (2, True)


def test_a_preempted_run_waits_and_goes_on_where_it_was(
    root: Path, mlws: Mlws, queue: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The scheduler has counted one more start by the time that the first has ended.
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("TRAIN_STATUS", "143")
    monkeypatch.setattr(slurm, "restarts", lambda _job: 1)
    queue.patience = 0
    mlws("run", "first", "--on", "slurm", "--detach")
    [run] = run_ids(root)
    place = state.folder(root)
    assert supervise.main(place / f"runs/{run}.json") == 143
    assert rows(root, "select status from runs") == [("SCHEDULED",)]
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    monkeypatch.setenv("TRAIN_STATUS", "0")
    assert supervise.main(place / f"runs/{run}.json") == 0
    assert rows(root, "select status from runs") == [("FINISHED",)]
    assert tags(root, run)["mlws.restarts"] == "1"
    assert _left(root) == []


def test_a_dry_run_shows_what_would_be_applied_and_makes_nothing(
    root: Path, mlws: Mlws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubectl = fake_kubectl.make(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(kubectl.folder), prepend=":")
    asks = ("--ask", "image=registry.example.org/lab:1", "--ask", "gpus=2")
    done = mlws("run", "first", "--on", "kubernetes", *asks, "--dry-run")
    assert done.code == 0
    assert "kind: Job" in done.out
    assert "nvidia.com/gpu: 2" in done.out
    assert run_ids(root) == []
    assert not (kubectl.folder / "calls.jsonl").exists()
    refused = mlws("run", "first", "--on", "kubernetes", *asks)
    assert (refused.code, "cannot write to the tracking store" in refused.err) == (2, True)


def test_a_run_here_is_in_the_ledger_and_its_cost_in_the_report(
    root: Path, mlws: Mlws, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = (
        '[gpus]\nstatic = [{index = 1, name = "Own GPU", uuid = "GPU-own"}]\n'
        '[[prices]]\ngpu = "Own GPU"\nper_hour = 3600000.0\ncurrency = "EUR"\n'
        "valid_from = 2026-01-01\n[budgets]\nann = 1\n"
    )
    path = root / "mlws.toml"
    path.write_text(path.read_text() + tables)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setenv("MLWS_ACTOR", "agent:tuner")
    assert mlws("run", "first").code == 0
    done = mlws("report", "cost", "--by", "agent", "--json", "--check")
    report = json.loads(done.out)
    assert [line["key"] for line in report["lines"]] == ["tuner"]
    assert report["total"]["cost_EUR"] > 1
    assert report["total"]["busy_hours"] is None  # no driver could be asked
    assert [one["state"] for one in report["budgets"]] == ["breached"]
    assert done.code == 1


def test_an_end_that_is_asked_for_before_anybody_waits_is_one_of_the_run(
    root: Path, mlws: Mlws, queue: InProcess
) -> None:
    write(root, {f"{FOLDER}/train.py": "import time\ntime.sleep(60)\n"})
    queue.patience = 1000
    mlws("run", "first", "--on", "slurm", "--detach")
    [run] = run_ids(root)

    @contextlib.contextmanager
    def slow(launched: Launched) -> Iterator[Callable[[str], None]]:
        os.kill(os.getpid(), signal.SIGTERM)
        with unmetered(launched) as tell:
            yield tell

    assert supervise.main(state.folder(root) / f"runs/{run}.json", slow) == 130
    assert rows(root, "select status from runs") == [("KILLED",)]
    assert _left(root) == []
