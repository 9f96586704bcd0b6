"""`mlws status`: true counts, broken files named, and why something was not measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.team import status
from mlws_scaffold.workspace.config import load
from tests.support import tiny_workspace
from tests.support.commandline import Mlws
from tests.support.template_repo import commit, write

METADATA = """\
experiment_id: {name}
researcher: ann
created: 2026-10-19
status: {status}
goal: Find out whether it works
"""


def _experiment(root: Path, name: str, state: str, track: str = "active") -> None:
    text = METADATA.format(name=name, status=state)
    write(root, {f"experiments/{track}/ann/{name}/metadata.yaml": text})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    answers = "_commit: v0.0.9\ngpus: none\n"
    root = tiny_workspace.make(tmp_path / "ws", answers=answers)
    for name, state in (("one", "in_progress"), ("two", "in_progress"), ("three", "planned")):
        _experiment(root, name, state)
    _experiment(root, "four", "archived", "archive")
    agent = "name: scout\nowner: ann\nmodel: base\n"
    write(root, {"agents/prototypes/scout/agent.yaml": agent})
    write(root, {"agents/production/scout/agent.yaml": agent})
    return root


def test_everything_is_counted_by_its_state(root: Path) -> None:
    found = status.measure(load(root))
    assert found.experiments.text == "1 planned, 2 in_progress, 1 archived"
    assert found.models.text == "1 development"
    assert found.agents.text == "1 prototype, 1 production"
    assert found.template == "v0.0.9"
    assert found.broken == ()


def test_broken_files_are_named_and_the_others_still_counted(root: Path) -> None:
    write(
        root,
        {
            "experiments/active/ann/one/metadata.yaml": "status: [",
            "experiments/active/ann/empty/notes.txt": "no metadata here",
            "models/registry.yaml": b"\xff\xfe",
            "agents/production/scout/agent.yaml": "name: scout\nowner: ann\nmodle: base\n",
        },
    )
    found = status.measure(load(root))
    assert found.experiments.text == "1 planned, 1 in_progress, 1 archived"
    assert found.models.text == "not measured: models/registry.yaml is broken"
    assert found.agents.text == "1 prototype"
    assert {problem.path for problem in found.broken} == {
        "experiments/active/ann/one/metadata.yaml",
        "experiments/active/ann/empty/metadata.yaml",
        "models/registry.yaml",
        "agents/production/scout/agent.yaml",
    }


def test_the_branch_is_shown_with_what_is_uncommitted(root: Path) -> None:
    assert status.measure(load(root)).branch == "not measured: no git repository"
    Git(root).run("init", "--quiet", "-b", "develop")
    assert status.measure(load(root)).branch == "develop (no commit yet)"
    first = commit(root, "First")
    assert status.measure(load(root)).branch == "develop"
    write(root, {"notes.txt": "mine"})
    assert status.measure(load(root)).branch == "develop (1 uncommitted)"
    Git(root).run("switch", "--quiet", "--detach")
    assert first.startswith(status.measure(load(root)).branch.removeprefix("detached at "))


def test_without_git_the_rest_is_still_measured(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = status.measure(load(root))
    assert found.branch == "not measured: git is not installed"
    assert found.models.text == "1 development"


def test_the_command_fits_one_screen_and_names_broken_files(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mlws = Mlws(root, monkeypatch, capsys)
    ended = mlws("status")
    assert ended.code == 0
    assert len(ended.out.splitlines()) == 8
    write(root, {"models/registry.yaml": "models: [1]"})
    ended = mlws("status")
    assert ended.code == 0
    assert "broken files  models/registry.yaml" in ended.out
    assert "models/registry.yaml:1:" in ended.out


def test_the_same_as_json(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = json.loads(Mlws(root, monkeypatch, capsys)("status", "--json").out)
    assert data["name"] == "tiny"
    assert data["experiments"] == {
        "by": {"planned": 1, "in_progress": 2, "archived": 1},
        "unknown": "",
    }
    assert data["broken"] == []
