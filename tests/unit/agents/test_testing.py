"""`mlws agent test`: its steps, its verdicts, and the evidence that stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.agents import catalog, evidence, testing
from mlws_scaffold.errors import MlwsError, UsageError
from mlws_scaffold.workspace.config import Workspace, load
from tests.support import tiny_workspace
from tests.support.commandline import Mlws
from tests.support.rendering import render
from tests.support.template_repo import commit, write

FOLDER = "agents/prototypes/helper"
IGNORE = ".mlws/evidence/\n__pycache__/\n.*_cache/\n"


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    root = tiny_workspace.make(tmp_path / "ws")
    text = "name: helper\nowner: ann\nmodel: base\n"
    test = "def test_one():\n    assert 1 + 1 == 2\n"
    files: dict[str, str | bytes | None] = {
        ".gitignore": IGNORE, f"{FOLDER}/agent.yaml": text, f"{FOLDER}/test_agent.py": test
    }  # fmt: skip
    write(root, files)
    Git(root).run("init", "--quiet")
    commit(root, "Start")
    return load(root)


def test_a_whole_test_of_a_commit_is_evidence_for_it_alone(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mlws = Mlws(place.root, monkeypatch, capsys)
    ended = mlws("agent", "test", "helper", "--json")
    assert ended.code == 0
    shown = json.loads(ended.out)
    assert [step["name"] for step in shown["steps"]] == ["lint", "format", "tests"]
    found = catalog.find(place.layout, "helper")
    head = Git(place.root).commit_of("HEAD") or ""
    kept = evidence.read(place, found, "test", head)
    assert kept is not None
    assert kept["ok"] is True
    assert shown["evidence"].startswith(f".mlws/evidence/{head}/")
    write(place.root, {"README.md": "more\n"})
    commit(place.root, "Go on")
    later = Git(place.root).commit_of("HEAD") or ""
    assert evidence.read(place, found, "test", later) is None


def test_a_failing_step_fails_and_shows_its_output_but_the_others_run(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(place.root, {f"{FOLDER}/test_agent.py": "def test_one():\n    assert 1 + 1 == 3\n"})
    commit(place.root, "Break it")
    ended = Mlws(place.root, monkeypatch, capsys)("agent", "test", "helper")
    assert ended.code == 1
    assert "2 of 3 steps passed" in ended.out
    assert "assert (1 + 1) == 3" in ended.err
    found = catalog.find(place.layout, "helper")
    kept = evidence.read(place, found, "test", Git(place.root).commit_of("HEAD") or "")
    assert kept is not None
    assert kept["ok"] is False


@pytest.mark.parametrize(
    ("change", "only", "why"),
    [(True, (), "uncommitted changes"), (False, ("--only", "lint"), "only some steps")],
)
def test_nothing_less_is_evidence(
    change: bool, only: tuple[str, ...], why: str, place: Workspace,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    if change:
        write(place.root, {f"{FOLDER}/notes.md": "new\n"})
    ended = Mlws(place.root, monkeypatch, capsys)("agent", "test", "helper", *only)
    assert ended.code == 0
    assert "no evidence is kept" in ended.out
    assert why in ended.out
    assert not (place.root / ".mlws/evidence").exists()


def test_an_unknown_step_is_refused(place: Workspace) -> None:
    with pytest.raises(UsageError) as caught:
        testing.steps(catalog.find(place.layout, "helper"), ("lints",))
    assert caught.value.cure == "did you mean 'lint'?"


def test_evidence_of_something_else_is_never_taken(place: Workspace) -> None:
    found = catalog.find(place.layout, "helper")
    path = evidence.record(place, found, "test", "a" * 40, {"ok": True})
    other = path.parent.with_name("b" * 40)
    other.mkdir()
    path.rename(other / path.name)
    with pytest.raises(MlwsError, match="something else"):
        evidence.read(place, found, "test", "b" * 40)
    (other / path.name).write_text("{")
    with pytest.raises(MlwsError, match="cannot be read"):
        evidence.read(place, found, "test", "b" * 40)


def test_the_steps_of_production_name_only_what_is_there(tmp_path: Path) -> None:
    folder = render("agent", {"agent_name": "helper"}, tmp_path / "agents/production/helper")
    found = catalog.Found(folder, "production", catalog.load(folder))
    commands = {step.name: step.command for step in testing.steps(found)}
    for command in commands.values():
        for word in command:
            assert not word.startswith("tests/") or (folder / word).is_dir()
    assert {"lint", "format", "types", "security", "configuration", "tests"} <= set(commands)
