"""Runs on a real Slurm: one, an array, one cancelled, one preempted that goes on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlws_scaffold.gpus import store as stores
from mlws_scaffold.gpus.ledger import book
from mlws_scaffold.workspace import config, state
from tests.support import run_workspace, slurm
from tests.support.commandline import Mlws
from tests.support.run_workspace import FOLDER, rows, run_ids, tags, until
from tests.support.sweep_workspace import parents, points
from tests.support.template_repo import commit, write

pytestmark = pytest.mark.services
MLWS = Path(sys.executable).with_name("mlws")
SWEEP = "method: grid\nparameters: {model.size: {values: [1, 2, 3, 4]}}\n"
# It leaves a checkpoint at once, waits for its gate, and says what it went on from.
TRAIN = """\
import os, sys, time
from pathlib import Path
sys.path.append("@TOOLS@")
from shared_tools.configuration import load_config

words = sys.argv[1:]
sets = [value for flag, value in zip(words, words[1:]) if flag == "--set"]
config = load_config(Path(words[words.index("--config") + 1]), sets)
size, gate, checkpoint = config["model"]["size"], Path(os.environ["GATE"]), Path("outputs/step")
went_on = int(checkpoint.read_text()) if "--resume" in words else 0
checkpoint.parent.mkdir(exist_ok=True)
checkpoint.write_text("5")
(gate / f"started-{size}-{went_on}").write_text(os.environ["CUDA_VISIBLE_DEVICES"])
while not (gate / "go").exists() and not (gate / f"go-{size}").exists():
    time.sleep(0.05)
from mlflow.tracking import MlflowClient
client, run = MlflowClient(), os.environ["MLFLOW_RUN_ID"]
client.log_metric(run, "accuracy", size / 10)
client.log_metric(run, "went_on", went_on)
"""


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
    root: Path, mlws: Mlws, cluster: slurm.Cluster
) -> None:
    done = mlws("run", "first", "--on", "slurm", "--ask", "gpus=1", "--ask", "time=5m")
    [run] = run_ids(root)
    log = (state.folder(root) / "runs" / f"{run}.log").read_text()
    assert done.code == 0, (done, log)
    assert f"run {run} FINISHED" in done.out
    assert rows(root, "select status from runs") == [("FINISHED",)]
    found = tags(root, run)
    assert found["mlws.backend"] == "slurm"
    job = found["mlws.scheduler_job"].removeprefix("slurm:")
    shown = cluster.run("scontrol", "show", "job", job)
    assert f"Comment=mlws:{run}" in shown
    assert "TimeLimit=00:05:00" in shown
    assert rows(root, "select value from latest_metrics where key = 'accuracy'")


def test_of_an_array_one_is_cancelled_and_one_preempted_goes_on(
    root: Path, cluster: slurm.Cluster, mlws: Mlws, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = root.parent / "gate"
    gate.mkdir()
    monkeypatch.setenv("GATE", str(gate))
    script = TRAIN.replace("@TOOLS@", f"{root}/shared/tools/src")
    write(root, {f"{FOLDER}/train.py": script, f"{FOLDER}/sweep.yaml": SWEEP})
    commit(root, "Sweep")
    command = [MLWS, "run", "first", "--sweep", "sweep.yaml", "--on", "slurm", "--ask", "gpus=1"]
    with (root.parent / "said").open("wb") as said:
        sweep = subprocess.Popen(command, cwd=root, stdout=said, stderr=said)
    try:
        until(lambda: len(list(gate.glob("started-*-0"))) == 2)  # two GPUs, so two at a time
        write(root, {f"{FOLDER}/train.py": "raise SystemExit('edited after the submission')\n"})
        by_size = {tags(root, run)["mlflow.runName"]: run for run in run_ids(root)[1:]}
        cancelled, preempted = (by_size[f"model.size={size}"] for size in (1, 2))
        assert mlws("run", "--cancel", cancelled).code == 0
        cluster.run("scontrol", "requeue", tags(root, preempted)["mlws.scheduler_job"][6:])
        until(lambda: len(list(gate.glob("started-[34]-0"))) == 2)
        for size in (3, 4):
            (gate / f"go-{size}").touch()
        until(lambda: (gate / "started-2-5").exists())
        assert tags(root, preempted)["mlws.restarts"] == "1"
        (gate / "go").touch()
        assert sweep.wait(120) == 1  # one point is missing
    finally:
        sweep.kill()
    [parent] = parents(root)
    ended = {name: status for name, status, _ in points(root, parent)}
    assert ended == {
        "model.size=1": "KILLED",
        "model.size=2": "FINISHED",
        "model.size=3": "FINISHED",
        "model.size=4": "FINISHED",
    }
    [(went_on,)] = rows(
        root,
        f"select value from latest_metrics where key = 'went_on' and run_uuid = '{preempted}'",
    )
    assert went_on == 5
    assert {path.read_text() for path in gate.glob("started-*")} == {"0", "1"}
    jobs = {tags(root, run)["mlws.scheduler_job"].partition("_")[0] for run in by_size.values()}
    assert len(jobs) == 1  # one array
    with stores.open(config.load(root)) as store:
        ledger = {one.subject.run_id: one for one in book.read(book.opened(store))}
    assert set(ledger) == set(by_size.values())
    assert {one.segments[0].source for one in ledger.values()} == {"slurm"}
    assert len(ledger[preempted].segments) == 2  # before and after
    assert {run: one.state for run, one in ledger.items() if one.state != "FINISHED"} == {
        cancelled: "KILLED"
    }


def test_slurms_own_reservations_stand_beside_ours(mlws: Mlws, cluster: slurm.Cluster) -> None:
    cluster.run(
        "scontrol", "create", "reservation", "ReservationName=course", "StartTime=now+3days",
        "Duration=60", "Users=root", "Nodes=localhost",
    )  # fmt: skip
    try:
        shown = mlws("gpu", "list")
        assert "course" in shown.out
        assert "localhost" in shown.out
        assert "Slurm: course | localhost" in mlws("gpu", "status").out
    finally:
        cluster.run("scontrol", "delete", "ReservationName=course")
