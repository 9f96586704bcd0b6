"""`mlws run --gpus`: a run, and each point of a sweep, sees the GPUs that it has and no others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import fake_nvml, run_workspace
from tests.support.run_workspace import FOLDER
from tests.support.template_repo import commit, write

pytestmark = pytest.mark.slow
MLWS = Path(sys.executable).with_name("mlws")
SWEEP = "method: grid\nparameters: {model.size: {values: [1, 2, 3, 4]}}\n"
# It says what it sees, and waits until so many runs have said it.
TRAIN = """\
import os, time
from pathlib import Path

seen = Path(os.environ["SEEN"])
first = len(list(seen.iterdir())) < 2
(seen / os.environ["MLFLOW_RUN_ID"]).write_text(os.environ.get("CUDA_VISIBLE_DEVICES", "all"))
while first and len(list(seen.iterdir())) < int(os.environ["TOGETHER"]):
    time.sleep(0.05)
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pytest.importorskip("pynvml")
    for name in ("lib", "seen"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("LD_LIBRARY_PATH", str(fake_nvml.build(tmp_path / "lib")))
    monkeypatch.setenv("FAKE_NVML_COUNT", "2")
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    monkeypatch.setenv("TOGETHER", "1")
    made = run_workspace.make(tmp_path / "ws")
    write(made, {f"{FOLDER}/train.py": TRAIN, f"{FOLDER}/sweep.yaml": SWEEP})
    commit(made, "Look")
    return made


def mlws(root: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [MLWS, *words],
        cwd=root,
        env={**os.environ, **more},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def seen(root: Path) -> list[str]:
    return sorted(path.read_text() for path in (root.parent / "seen").iterdir())


def reservations(root: Path, *words: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(mlws(root, "gpu", "list", "--json", *words).stdout)
    return found


def test_a_run_takes_a_reservation_and_gives_it_back(root: Path) -> None:
    done = mlws(root, "run", "first", "--gpus", "1")
    assert done.returncode == 0, done.stderr
    assert seen(root) == ["GPU-00000001"]
    assert reservations(root) == []
    assert [row["kind"] for row in reservations(root, "--all")] == ["run"]


def test_where_a_reservation_is_required_a_run_without_one_is_refused(root: Path) -> None:
    required = {"MLWS_GPUS_REQUIRED": "true"}
    refused = mlws(root, "run", "first", **required)
    assert refused.returncode == 2
    assert "has no reservation here now" in refused.stderr
    assert seen(root) == []
    assert mlws(root, "gpu", "reserve", "--gpu", "1", "--for", "1h").returncode == 0
    done = mlws(root, "run", "first", **required)
    assert done.returncode == 0, done.stderr
    assert seen(root) == ["GPU-00000002"]


def test_each_point_of_a_sweep_has_gpus_of_its_own(root: Path) -> None:
    command = ("run", "first", "--sweep", "sweep.yaml", "--gpus", "1", "--parallel")
    refused = mlws(root, *command, "3")
    assert refused.returncode == 1
    assert "not free: 3 GPUs of one host" in refused.stderr
    done = mlws(root, *command, "2", TOGETHER="2")
    found = seen(root)
    assert len(found) == 4, done.stderr
    assert set(found) == {"GPU-00000001", "GPU-00000002"}
    assert reservations(root) == []


def test_a_scheduler_is_asked_for_as_many(root: Path) -> None:
    shown = mlws(root, "run", "first", "--gpus", "2", "--on", "slurm", "--dry-run")
    assert "#SBATCH --gres=gpu:2" in shown.stdout
