"""`mlws reproduce`: the same numbers from a commit that no branch has any more."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from tests.support import run_workspace
from tests.support.commandline import Mlws
from tests.support.run_workspace import FOLDER, run_ids, tags
from tests.support.template_repo import commit, write

pytestmark = pytest.mark.slow


def _squashed(root: Path, mlws: Mlws) -> str:
    """A dirty run on a branch that is then squashed into main, deleted and collected."""
    git = Git(root)
    git.run("switch", "--quiet", "-c", "experiment/ann/first")
    write(root, {f"{FOLDER}/config.yaml": "extends: training.yaml\nmodel: {size: 4}\n"})
    commit(root, "Larger")
    script = root / FOLDER / "train.py"
    original = script.read_text()
    script.write_text(original.replace("import shared_tools\n", "import shared_tools, extra\n"))
    write(root, {f"{FOLDER}/extra.py": "pass\n"})
    assert mlws("run", "first").code == 0
    script.write_text(original)
    (root / FOLDER / "extra.py").unlink()
    git.run("switch", "--quiet", "main")
    git.run("merge", "--quiet", "--squash", "experiment/ann/first")
    commit(root, "Squashed")
    git.run("branch", "--quiet", "-D", "experiment/ann/first")
    git.run("reflog", "expire", "--expire=now", "--all")
    git.run("gc", "--quiet", "--prune=now")
    return run_ids(root)[0]


def test_a_dirty_run_is_repeated_here_and_in_another_clone_after_a_squash_merge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = run_workspace.make(tmp_path / "ws")
    mlws = Mlws(root, monkeypatch, capsys)
    run = _squashed(root, mlws)
    before = Git(root).run("status", "--porcelain"), Git(root).run("rev-parse", "HEAD")
    done = mlws("reproduce", run[:10], "--json")
    assert done.code == 0, done.err
    said = json.loads(done.out)
    assert said["verdict"] == "equal"
    assert [metric["name"] for metric in said["metrics"]] == ["accuracy"]
    assert said["left_aside"] == ["train_seconds"]
    assert (Git(root).run("status", "--porcelain"), Git(root).run("rev-parse", "HEAD")) == before
    again = tags(root, said["by"])
    assert again["mlws.reproduces"] == run
    assert again["mlws.code_hash"] == tags(root, run)["mlws.code_hash"]
    assert "/worktrees/reproduce-" in again["tools"]
    assert len(Git(root).run("worktree", "list").splitlines()) == 1

    # Another clone reads the same store; only the pushed commit brings the code.
    bare, other = tmp_path / "bare.git", tmp_path / "other"
    Git(tmp_path).run("init", "--quiet", "--bare", str(bare))
    Git(root).run("remote", "add", "origin", str(bare))
    Git(root).run("push", "--quiet", "origin", "main")
    Git(tmp_path).run("clone", "--quiet", "--no-local", str(bare), str(other))
    monkeypatch.setenv("MLWS_TRACKING_URI", f"sqlite:///{root}/mlflow.db")
    elsewhere = Mlws(other, monkeypatch, capsys)
    missing = elsewhere("reproduce", run)
    assert (missing.code, "neither here nor at origin" in missing.err) == (1, True)
    Git(root).run("push", "--quiet", "origin", f"refs/mlws/runs/{run}")
    assert elsewhere("reproduce", run).code == 0

    with contextlib.closing(sqlite3.connect(root / "mlflow.db")) as store:
        change = "update latest_metrics set value = ? where key = 'accuracy' and run_uuid = ?"
        store.execute(change, (0.9, run))
        store.commit()
    differing = mlws("reproduce", run)
    assert (differing.code, "different" in differing.out) == (1, True)
    assert mlws("reproduce", run, "--tolerance", "0.9").code == 0


def test_a_run_that_is_not_there_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = run_workspace.make(tmp_path / "ws")
    shutil.rmtree(root / FOLDER)
    ended = Mlws(root, monkeypatch, capsys)("reproduce", "abc")
    assert (ended.code, "no run 'abc'" in ended.err) == (2, True)
