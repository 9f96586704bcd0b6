"""A small workspace in git, and the two programs in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlws_scaffold.workspace.config import Workspace
from tests.support.commandline import Mlws
from tests.unit.experiments.building import workspace


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return workspace(tmp_path / "ws")


@pytest.fixture
def mlws(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Mlws:
    return Mlws(place.root, monkeypatch, capsys)


@pytest.fixture
def new(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Mlws:
    return Mlws(place.root, monkeypatch, capsys, "mlws-new")
