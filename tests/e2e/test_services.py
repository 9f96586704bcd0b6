"""What needs a real service or a real outside tool on this machine."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from tests.support import postgresql, tiny_workspace
from tests.support.commandline import Mlws
from tests.support.installation import run

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    if postgresql.programs() is None:
        pytest.skip("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="mlws-postgresql-"))
    try:
        with postgresql.running(folder) as address:
            yield address
    finally:
        shutil.rmtree(folder)


def test_the_doctor_reaches_a_real_postgresql_store(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tiny_workspace.make(tmp_path / "ws")
    monkeypatch.setenv("MLWS_GPUS_STORE", server)
    mlws = Mlws(root, monkeypatch, capsys)
    found = {item["name"]: item for item in json.loads(mlws("doctor", "--json").out)}
    assert found["GPU store"]["state"] == "ok"
    monkeypatch.setenv("MLWS_GPUS_STORE", server.replace("/postgres", "/absent"))
    found = {item["name"]: item for item in json.loads(mlws("doctor", "--json").out)}
    assert found["GPU store"]["state"] == "failure"
    assert "absent" in found["GPU store"]["detail"]


def test_with_the_answer_lfs_weights_really_go_through_git_lfs(tmp_path: Path) -> None:
    if shutil.which("git-lfs") is None:
        pytest.skip("git-lfs is not installed")
    from mlws_scaffold.scaffold import create, origin, setup
    from mlws_scaffold.scaffold.render import Answers

    target = tmp_path / "ws"
    answers = Answers({"large_files": "lfs"})
    made = create.workspace(target, answers, origin.Origin("", "v0.1.0"))
    reports = setup.after_generation(target, "workspace", made.answers)
    assert {report.name: report.state for report in reports}["large files"] == "done"
    (target / "weights.safetensors").write_bytes(b"\0" * 1000)
    git = Git(target)
    git.run("add", "weights.safetensors")
    git.run("commit", "-q", "--no-verify", "-m", "Weights")
    assert "weights.safetensors" in run(["git", "lfs", "ls-files"], target).output
    assert git.run("cat-file", "-p", "HEAD:weights.safetensors").startswith(
        "version https://git-lfs"
    )
