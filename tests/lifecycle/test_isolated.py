"""An experiment with an environment of its own: made, locked, run in it, repeated elsewhere."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from tests.support import mlflow_store
from tests.support.commandline import Mlws
from tests.support.installation import UV, run
from tests.support.rendering import render
from tests.support.run_workspace import artifact, run_ids, tags
from tests.support.template_repo import commit, write

pytestmark = pytest.mark.slow
FOLDER = "experiments/active/researcher/first"
NEW = Path(sys.executable).with_name("mlws-new")


def _made(root: Path) -> Path:
    render("workspace", {}, root)
    # The workspace's own lock is no matter here, and would be made anew by `mlws setup`.
    project = root / "pyproject.toml"
    project.unlink()
    Git(root).run("init", "--quiet")
    commit(root, "Start")
    goal = ["--goal", "Find out whether it learns", "--hypothesis", "Two layers are enough"]
    command = [NEW, "--root", root, "experiment", "first", "--isolated", "--no-branch", *goal]
    said = run([*command, "--defaults"], root).output
    assert f"  cd {FOLDER}\n  uv sync\n" in said
    mlflow_store.put(root)
    return root / FOLDER


def test_an_isolated_experiment_is_locked_run_and_reproduced_in_its_own_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "ws"
    folder = _made(root)
    mlws = Mlws(root, monkeypatch, capsys)
    monkeypatch.setenv("PATH", f"{UV.parent}:/usr/bin:/bin")
    short = ("first", "--set", "training.epochs=3")
    refused = mlws("run", *short)
    assert (refused.code, f"uv sync --project {folder}" in refused.err) == (4, True)
    assert run_ids(root) == []

    assert f"{FOLDER}/uv.lock" in mlws("setup").out
    lock = (folder / "uv.lock").read_bytes()
    run([UV, "sync", "--locked", "--quiet", "--project", folder], root)
    commit(root, "First experiment")
    ended = mlws("run", *short)
    assert ended.code == 0, ended.err
    [made] = run_ids(root)
    found = tags(root, made)
    assert found["mlws.dependencies"] == "isolated"
    assert found["mlws.lock_sha256"] == hashlib.sha256(lock).hexdigest()
    system = json.loads(artifact(root, made, "mlws/system.json").read_text())
    assert system["executable"] == str(folder / ".venv/bin/python")
    packages = artifact(root, made, "mlws/environment.txt").read_text()
    assert "\nnumpy==" in packages
    assert "hypothesis==" not in packages  # which the environment of these tests has

    checked = mlws("check", "experiments", "--format", "json")
    assert checked.code == 0, checked.out
    write(root, {f"{FOLDER}/extra.py": "import pandas\n"})
    undeclared = mlws("check", "EXP013")
    assert (undeclared.code, f"uv add --project {FOLDER} pandas" in undeclared.out) == (1, True)
    (folder / "extra.py").unlink()

    tested = run([UV, "run", "--no-sync", "pytest", "-q", "."], folder).output
    assert " passed" in tested
    assert "skipped" not in tested
    ours = run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."], folder).output
    assert " passed" not in ours
    assert "own environment" in run([sys.executable, "-m", "pytest", "-rs", "."], folder).output

    # Another clone has no environment of its own: it is made from the lock, in the work tree.
    other = tmp_path / "other"
    Git(tmp_path).run("clone", "--quiet", "--no-local", str(root), str(other))
    Git(other).run("fetch", "--quiet", "origin", "refs/mlws/runs/*:refs/mlws/runs/*")
    monkeypatch.setenv("MLWS_TRACKING_URI", f"sqlite:///{root}/mlflow.db")
    elsewhere = Mlws(other, monkeypatch, capsys)("reproduce", made, "--json")
    assert elsewhere.code == 0, elsewhere.err
    said = json.loads(elsewhere.out)
    assert said["verdict"] == "equal"
    again = json.loads(artifact(root, said["by"], "mlws/system.json").read_text())
    assert "/worktrees/reproduce-" in again["executable"]
    assert tags(root, said["by"])["mlws.lock_sha256"] == found["mlws.lock_sha256"]
    assert not (other / FOLDER / ".venv").exists()


def test_scripts_started_by_an_isolated_run_see_its_environment_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "ws"
    folder = _made(root)
    # One that costs nothing: the packages of these tests, in a folder of its own.
    subprocess.run([UV, "venv", "-q", "--system-site-packages", folder / ".venv"], check=True)
    site = next((folder / ".venv/lib").glob("*/site-packages"))
    (site / "ours.pth").write_text(str(Path(pytest.__file__).parents[1]))
    seen = "open('seen', 'w').write(os.environ['VIRTUAL_ENV'] + ' ' + shutil.which('python'))"
    (folder / "train.py").write_text(f"import os, shutil\n{seen}\n")
    ended = Mlws(root, monkeypatch, capsys)("run", "first")
    assert ended.code == 0, ended.err
    own = str(folder / ".venv")
    assert (folder / "seen").read_text() == f"{own} {own}/bin/python"
