"""`mlws ui` where it cannot serve, and the end of a whole process group."""

from __future__ import annotations

import importlib.metadata
import os
from pathlib import Path

import pytest

from mlws_scaffold.adapters import children
from tests.support import mlflow_store, tiny_workspace
from tests.support.commandline import Mlws

TRACKING = mlflow_store.TRACKING


@pytest.fixture
def mlws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Mlws:
    root = tiny_workspace.make(tmp_path / "ws", tracking=TRACKING)
    return Mlws(root, monkeypatch, capsys)


def _without_the_extra() -> bool:
    try:
        importlib.metadata.version("mlflow")
    except importlib.metadata.PackageNotFoundError:
        return True
    return False


@pytest.mark.skipif(not _without_the_extra(), reason="the extra ui is installed here")
def test_without_the_extra_the_cure_is_told(mlws: Mlws) -> None:
    mlflow_store.put(mlws.folder)
    ended = mlws("ui")
    assert ended.code == 4
    assert "mlws-scaffold[ui]" in ended.err
    version = importlib.metadata.version("mlflow-skinny")
    assert f"mlflow=={version}" in ended.err
    assert f"sqlite:///{mlws.folder}/mlflow.db" in ended.err


def test_without_a_store_the_cure_is_told(mlws: Mlws) -> None:
    ended = mlws("ui")
    assert (ended.code, "mlws setup" in ended.err) == (4, True)


def test_a_process_that_leads_a_group_takes_it_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "GRACE_SECONDS", 0.5)
    deaf, inner = "trap '' TERM", tmp_path / "inner"
    script = f"({deaf}; echo $BASHPID > {inner}; sleep 100; sleep 100) & sleep 0.5"
    child = children.start(["bash", "-c", script], tmp_path, os.environ, leads=True)
    group = child.process.pid
    assert os.getpgid(group) == group != os.getpgid(0)
    assert children.wait(child).status == 0
    stat = Path(f"/proc/{inner.read_text().strip()}/stat")
    if stat.exists():  # a zombie, where the first process of a container takes none away
        assert stat.read_text().rpartition(")")[2].split()[0] == "Z"
