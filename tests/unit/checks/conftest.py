"""Gives each test of the checks a workspace of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.checks.building import Place, workspace


@pytest.fixture(scope="session")
def _original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built once: a copy costs less than a dozen calls of git."""
    return workspace(tmp_path_factory.mktemp("original")).root


@pytest.fixture(autouse=True)
def _no_build_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a build server or pre-commit says about branches would outvote the test."""
    for name in ("GITHUB_HEAD_REF", "PRE_COMMIT_REMOTE_BRANCH"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def place(_original: Path, tmp_path: Path) -> Place:
    """The sound workspace in its repository; the path holds a blank."""
    return Place(Path(shutil.copytree(_original, tmp_path / "work space", symlinks=True)))
