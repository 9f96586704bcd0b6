"""What a person at the terminal is offered: the folder's name and their own identity."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.scaffold import create
from mlws_scaffold.scaffold.create import Project
from mlws_scaffold.scaffold.render import Answers
from mlws_scaffold.workspace.config import load
from tests.support import tiny_workspace


@pytest.fixture
def identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    """git with a configuration of its own."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    (tmp_path / "gitconfig").touch()
    return Git(tmp_path)


def test_folder_and_git_identity_are_offered(identity: Git, tmp_path: Path) -> None:
    identity.run("config", "--global", "user.name", "Sarah O'Neil")
    identity.run("config", "--global", "user.email", "sarah@acme.org")
    assert create.suggestions(tmp_path / "not/yet/My Team_ML") == {
        "workspace_name": "my-team-ml",
        "researcher": "sarah",
        "researcher_email": "sarah@acme.org",
    }


def test_without_an_identity_only_the_folder_is_offered(identity: Git, tmp_path: Path) -> None:
    assert create.suggestions(tmp_path / "ml") == {"workspace_name": "ml"}


@pytest.mark.parametrize(
    ("name", "email", "handle"),
    [
        ("王 芳", "wang.fang@acme.org", "wang-fang"),
        ("-", "7@acme.org", None),
        ("Con", "x1@a.org", "x1"),
    ],
)
def test_only_a_handle_that_is_allowed_is_offered(
    name: str, email: str, handle: str | None, identity: Git, tmp_path: Path
) -> None:
    identity.run("config", "--global", "user.name", name)
    identity.run("config", "--global", "user.email", email)
    assert create.suggestions(tmp_path / "ml").get("researcher") == handle


@pytest.mark.parametrize("deployment", ["compose", "kubernetes"])
def test_an_agent_runs_where_its_workspace_runs_agents(tmp_path: Path, deployment: str) -> None:
    root = tiny_workspace.make(
        tmp_path / "ws",
        config='[team.ann]\nemail = "ann@example.org"\n',
        answers=f"_commit: v0.1.0\nkind: workspace\ndeployment: {deployment}\n",
    )
    wish = Project("agent", "helper", Answers({"agent_model": "base"}), "ann", branch=False)
    made = create.project(load(root), wish)
    assert (made.folder / "deploy/kubernetes").exists() == (deployment == "kubernetes")
