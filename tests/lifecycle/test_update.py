"""`mlws update`: what it keeps, what it refuses, and that it is all or nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.scaffold.update import Request, planned
from mlws_scaffold.scaffold.updates import applying
from tests.support import template_repo
from tests.support.commandline import Mlws
from tests.support.template_repo import commit, lines, state, write

pytestmark = pytest.mark.slow

FOO, BAR = "agents/production/foo", "agents/production/bar"


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with two agents at v1.0.0, made once; v1.1.0 changes line 10 of both kinds."""
    home = tmp_path_factory.getbasetemp() / "update"
    if home.exists():
        return home
    template = template_repo.tiny(home / "template", home / "witness")
    template_repo.workspace(template, home / "ws", "foo", "bar")
    template.release(
        "v1.1.0",
        {
            "templates/workspace/rules.txt": lines("10 new rule"),
            "templates/agent/agent.txt": lines("10 new agent"),
        },
    )
    return home


@pytest.fixture
def place(home: Path, tmp_path: Path) -> Path:
    return shutil.copytree(home / "ws", tmp_path / "ws")


@pytest.fixture
def mlws(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mlws:
    return Mlws(place, monkeypatch, capsys)


def test_edits_stay_and_the_template_s_changes_arrive_with_one_commit_each(
    home: Path, place: Path, mlws: Mlws
) -> None:
    write(place, {"rules.txt": lines("1 ours"), f"{FOO}/agent.txt": lines("2 mine")})
    commit(place, "Edit")
    ran = (home / "witness").read_text()

    ended = mlws("update")

    assert ended.code == 0, ended.err
    assert (place / "rules.txt").read_text() == lines("1 ours", "10 new rule")
    assert (place / FOO / "agent.txt").read_text() == lines("2 mine", "10 new agent")
    assert (place / BAR / "agent.txt").read_text() == lines("10 new agent")
    git = Git(place)
    assert git.run("log", "-3", "--format=%s|%an").splitlines() == [
        "Update workspace from the template: v1.0.0 -> v1.1.0|Ann Example",
        f"Update {FOO} from the template: v1.0.0 -> v1.1.0|Ann Example",
        f"Update {BAR} from the template: v1.0.0 -> v1.1.0|Ann Example",
    ]
    assert git.branch() == "main"
    assert not git.changed()
    assert "merged with your edits: rules.txt" in ended.out
    assert f"changed: {BAR}/agent.txt" in ended.out
    assert (home / "witness").read_text() == ran == "ran ran ran ", "a task of the template ran"

    again = mlws("update")
    assert (again.code, again.out) == (0, "up to date: v1.1.0\n")


def test_the_preview_shows_every_line_and_writes_nothing(place: Path, mlws: Mlws) -> None:
    before = state(place)

    ended = mlws("update", "--diff")

    assert ended.code == 0, ended.err
    assert "+new rule" in ended.out
    assert f"b/{FOO}/agent.txt" in ended.out
    assert state(place) == before


def test_the_same_line_changed_on_both_sides_stops_there(place: Path, mlws: Mlws) -> None:
    write(place, {f"{FOO}/agent.txt": lines("10 mine")})
    commit(place, "Edit")
    git = Git(place)

    ended = mlws("update")

    assert ended.code == 1
    assert f"  {FOO}/agent.txt" in ended.err
    assert "not begun: workspace" in ended.out
    assert git.unmerged() == [f"{FOO}/agent.txt"]
    text = (place / FOO / "agent.txt").read_text()
    assert "<<<<<<< before updating\nmine\n" in text
    assert "new agent\n>>>>>>> after updating" in text
    assert (place / BAR / "agent.txt").read_text() == lines("10 new agent"), "bar comes before foo"
    assert (place / "rules.txt").read_text() == lines(), "the workspace comes after foo"
    assert git.run("log", "-1", "--format=%s").startswith(f"Update {BAR}")

    refused = mlws("update")
    assert refused.code == 1
    assert "a merge is not finished" in refused.err

    write(place, {f"{FOO}/agent.txt": lines("10 both")})
    commit(place, "Resolve")
    assert mlws("update").code == 0
    assert (place / FOO / "agent.txt").read_text() == lines("10 both")
    assert (place / "rules.txt").read_text() == lines("10 new rule")


def test_a_conflict_can_be_given_up_as_the_message_says(place: Path, mlws: Mlws) -> None:
    write(place, {f"{FOO}/agent.txt": lines("10 mine")})
    commit(place, "Edit")
    before = state(place)

    ended = mlws("update", "--only", FOO)
    said = ended.err.partition("to give up: git ")[2].strip()
    assert state(place) != before
    Git(place).run(*said.split())

    assert said
    assert state(place) == before


def test_a_dirty_sibling_stops_the_workspace_but_not_a_clean_agent(place: Path, mlws: Mlws) -> None:
    write(place, {f"{BAR}/agent.txt": lines("1 unsaved"), f"{BAR}/new.txt": "untracked\n"})
    before = state(place)

    for refused in (mlws("update"), mlws("update", "--only", "."), mlws("update", "--only", BAR)):
        assert refused.code == 1
        assert f"  {BAR}/agent.txt\n  {BAR}/new.txt" in refused.err
        assert "commit them, or git stash" in refused.err
    assert state(place) == before

    ended = mlws("update", "--only", FOO)
    assert ended.code == 0, ended.err
    assert (place / FOO / "agent.txt").read_text() == lines("10 new agent")
    assert Git(place).changed() == [f"{BAR}/agent.txt", f"{BAR}/new.txt"]


def test_json_lists_every_project_and_file(place: Path, mlws: Mlws) -> None:
    write(place, {"rules.txt": lines("10 ours")})
    commit(place, "Edit")

    looked = mlws("update", "--diff", "--json", "--only", ".")
    conflict = mlws("update", "--json")

    shown = json.loads(looked.out)
    assert shown["applied"] is False
    assert shown["projects"][0]["state"] == "planned"
    assert {"path": "rules.txt", "change": "conflict"} in shown["projects"][0]["changes"]
    assert "+new rule" in shown["projects"][0]["diff"]
    last = json.loads(conflict.out)
    assert last["applied"] is True
    assert [(project["folder"], project["state"]) for project in last["projects"]] == [
        (BAR, "updated"),
        (FOO, "updated"),
        (".", "conflict"),
    ]
    assert (looked.code, conflict.code) == (1, 1)


def test_an_interruption_before_writing_leaves_everything(place: Path) -> None:
    before = state(place)
    seen: list[Path] = []

    def stopped() -> None:
        with planned(place, Request(only=FOO), print) as plan:
            assert plan.scratch is not None
            seen.append(plan.scratch.git.folder)
            assert seen[0].exists()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()

    assert state(place) == before
    assert not seen[0].exists()


def test_an_interruption_while_writing_waits_for_the_end(place: Path) -> None:
    hook = place / ".git/hooks/post-merge"
    hook.write_text(f"#!/bin/sh\nkill -INT {os.getpid()}\n")
    hook.chmod(0o755)
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)

    try:
        with pytest.raises(KeyboardInterrupt), planned(place, Request(only=FOO), print) as plan:
            applying.apply(plan)
    finally:
        signal.signal(signal.SIGINT, previous)

    assert (place / FOO / "agent.txt").read_text() == lines("10 new agent")
    assert not Git(place).changed()


def test_a_commit_made_meanwhile_is_not_overrun(place: Path) -> None:
    with planned(place, Request(only=FOO), print) as plan:
        write(place, {"later.txt": "later\n"})
        commit(place, "Later")
        before = state(place)
        with pytest.raises(applying.MlwsError, match="branch moved"):
            applying.apply(plan)
        assert state(place) == before


def test_a_detached_head_and_no_identity_are_no_obstacle(
    place: Path, mlws: Mlws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    Git(place).run("checkout", "--quiet", "--detach")

    ended = mlws("update", "--only", FOO)

    assert ended.code == 0, ended.err
    assert Git(place).run("log", "-1", "--format=%an") == "Copier"
    assert "git knows no author here" in ended.err
