"""The small team, made once: tests of this folder read it and change nothing in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlws_scaffold.team.snapshot import collect
from mlws_scaffold.workspace.config import Workspace
from tests.support import fake_gh, small_team


@pytest.fixture(scope="session")
def team(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return small_team.make(tmp_path_factory.mktemp("team"))


@pytest.fixture
def snapshot(team: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The snapshot of Monday's standup, with GitHub's answers."""
    fake_gh.put(tmp_path / "bin", monkeypatch)
    return collect.build(team, small_team.period())
