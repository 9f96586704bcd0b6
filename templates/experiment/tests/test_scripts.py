"""The two scripts, started as people start them, log one run to MLflow."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tracking store of this test's own, in place of the workspace's."""
    store = tmp_path / "store"
    # A file store opens at once; a new database would spend ten seconds on its migrations.
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.as_uri())
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    return store


def start(script: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a script with this Python and return what it printed."""
    command = [sys.executable, str(script), *arguments]
    return subprocess.run(
        command, cwd=cwd, env=dict(os.environ), capture_output=True, text=True, timeout=120
    )


def test_training_and_evaluation_log_to_one_run(
    code: SimpleNamespace, folder: Path, store: Path, tmp_path: Path
) -> None:
    """From another folder: parameters, metrics of each epoch, the checkpoint, the test metrics."""
    outputs = tmp_path / "outputs"
    primary = code.training.PRIMARY_METRIC
    for arguments in (("training.epochs=1",), ("training.epochs=3", "--resume")):
        options = ("--outputs", str(outputs), "--set", *arguments)
        trained = start(folder / "train.py", *options, cwd=tmp_path)
        assert trained.returncode == 0, trained.stderr
    checkpoint = outputs / code.checkpoint.CHECKPOINT
    measured = start(folder / "evaluate.py", "--checkpoint", str(checkpoint), cwd=tmp_path)
    assert measured.returncode == 0, measured.stderr
    assert f"test_{primary} " in measured.stdout

    assert len(list(store.glob("*/*/meta.yaml"))) == 2
    (run,) = store.glob(f"*/{json.loads((outputs / 'run.json').read_text())['run_id']}")
    assert (run / "params" / "training.epochs").read_text() == "3"
    assert (run / "tags" / "resumed_after_epoch").read_text() == "1"
    assert len((run / "metrics" / f"validation_{primary}").read_text().splitlines()) == 2
    assert (run / "metrics" / primary).is_file()
    assert (run / "metrics" / f"test_{primary}").is_file()
    assert (run / "artifacts" / checkpoint.name).read_bytes() == checkpoint.read_bytes()


def test_a_wrong_value_stops_before_a_run_begins(
    code: SimpleNamespace, folder: Path, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 2, a line that names the field, and nothing in the store."""
    assert code.commands.train(folder, ["--set", "training.epochs=no"]) == 2
    assert capsys.readouterr().err.startswith("config.yaml: training.epochs: ")
    assert not store.exists()


def test_resume_needs_a_checkpoint_that_fits(
    code: SimpleNamespace, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing one, a finished one and one of another seed are refused with the reason."""
    config = code.reading.read_config(folder / "config.yaml", ["training.epochs=1"])
    state = code.training.start(config)
    arguments = ["--resume", "--outputs", str(tmp_path), "--set", "training.epochs=1"]
    assert code.commands.train(folder, arguments) == 2
    assert "no such checkpoint: run train.py first" in capsys.readouterr().err

    done = replace(state, epoch=1)
    code.checkpoint.save_checkpoint(tmp_path / code.checkpoint.CHECKPOINT, config, done)
    assert code.commands.train(folder, arguments) == 2
    assert "is at epoch 1 of 1: raise training.epochs" in capsys.readouterr().err
    assert code.commands.train(folder, [*arguments, "--set", "seed=99"]) == 2
    assert "was trained with other seed" in capsys.readouterr().err


def test_a_checkpoint_without_a_run_is_measured_all_the_same(
    code: SimpleNamespace, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The metrics are printed, and it is said that nothing was logged."""
    path = tmp_path / code.checkpoint.CHECKPOINT
    config = code.reading.read_config(folder / "config.yaml")
    code.checkpoint.save_checkpoint(path, config, code.training.start(config))
    assert code.commands.evaluate(folder, ["--checkpoint", str(path)]) == 0
    printed = capsys.readouterr()
    assert f"test_{code.training.PRIMARY_METRIC} " in printed.out
    assert "not logged: no run.json" in printed.err


def test_a_missing_package_is_named_with_its_cure(folder: Path, tmp_path: Path) -> None:
    """A Python without the workspace's environment gets one line, not a traceback."""
    command = [sys.executable, "-S", "-I", str(folder / "train.py")]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert refused.returncode == 1
    assert "is not installed: run `uv sync`" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
