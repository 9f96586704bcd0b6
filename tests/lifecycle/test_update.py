"""`mlws update`: what it keeps, what it refuses, how it ends; all projects or none."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.scaffold.update import Request, planned
from mlws_scaffold.scaffold.updates import applying
from tests.support import template_repo
from tests.support.commandline import Mlws
from tests.support.template_repo import commit, lines, state, tracked_state, whole, write

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


def test_edits_stay_and_the_template_s_changes_arrive_in_one_commit(
    home: Path, place: Path, mlws: Mlws
) -> None:
    write(place, {"rules.txt": lines("1 ours"), f"{FOO}/agent.txt": lines("2 mine")})
    commit(place, "Edit")
    ran = (home / "witness").read_text()

    ended = mlws("update", "--here")

    assert ended.code == 0, ended.err
    assert (place / "rules.txt").read_text() == lines("1 ours", "10 new rule")
    assert (place / FOO / "agent.txt").read_text() == lines("2 mine", "10 new agent")
    assert (place / BAR / "agent.txt").read_text() == lines("10 new agent")
    git = Git(place)
    assert git.run("log", "-2", "--format=%s|%an").splitlines() == [
        "Update workspace and 2 projects from the template: v1.0.0 -> v1.1.0|Ann Example",
        "Edit|Ann Example",
    ]
    assert git.branch() == "main"
    assert not git.changed()
    assert "merged with your edits: rules.txt" in ended.out
    assert f"changed: {BAR}/agent.txt" in ended.out
    assert (home / "witness").read_text() == ran == "ran ran ran ", "a task of the template ran"

    again = mlws("update")
    assert (again.code, again.out) == (0, "up to date: v1.1.0\n")


def test_the_commit_lies_on_a_branch_of_its_own_and_the_files_stay(place: Path, mlws: Mlws) -> None:
    before = tracked_state(place)

    ended = mlws("update")
    again = mlws("update")

    assert (ended.code, again.code) == (0, 0), ended.err
    assert "git merge mlws/update-v1.1.0" in ended.out
    git = Git(place)
    assert git.run("rev-parse", "mlws/update-v1.1.0^") == before["git HEAD"]
    assert git.run("show", "mlws/update-v1.1.0:rules.txt") + "\n" == lines("10 new rule")
    assert tracked_state(place) == before
    git.run("merge", "--quiet", "mlws/update-v1.1.0")
    assert mlws("update").out == "up to date: v1.1.0\n"


def test_another_update_s_branch_is_not_replaced(place: Path, mlws: Mlws) -> None:
    assert mlws("update").code == 0
    write(place, {"rules.txt": lines("1 ours")})
    commit(place, "Edit")
    before = state(place)

    ended = mlws("update")

    assert ended.code == 1
    assert "the branch mlws/update-v1.1.0 is there already" in ended.err
    assert state(place) == before


def test_the_preview_shows_every_line_and_writes_nothing(place: Path, mlws: Mlws) -> None:
    write(place, {"rules.txt": lines("1 unsaved"), "new.txt": "untracked\n"})
    before = (state(place), sorted((place / ".git").rglob("*")))

    ended = mlws("update", "--diff")

    assert ended.code == 0, ended.err
    assert "+new rule" in ended.out
    assert f"b/{FOO}/agent.txt" in ended.out
    assert (state(place), sorted((place / ".git").rglob("*"))) == before


@pytest.mark.parametrize("here", [True, False])
def test_conflicts_are_resolved_and_finished(place: Path, mlws: Mlws, here: bool) -> None:
    write(place, {f"{FOO}/agent.txt": lines("10 mine"), "rules.txt": lines("10 ours")})
    commit(place, "Edit")
    git = Git(place)
    head = git.run("rev-parse", "HEAD")

    ended = mlws("update", *(["--here"] if here else []))

    assert ended.code == 1
    assert f"  {FOO}/agent.txt\n  rules.txt" in ended.err
    assert git.unmerged() == [f"{FOO}/agent.txt", "rules.txt"]
    text = (place / FOO / "agent.txt").read_text()
    assert "<<<<<<< yours/agents-production-foo\nmine\n" in text
    assert "new agent\n>>>>>>> template-v1.1.0/agents-production-foo" in text
    assert (place / BAR / "agent.txt").read_text() == lines("10 new agent")
    assert git.run("rev-parse", "HEAD") == head

    for refused in (mlws("update"), mlws("update", "--diff"), mlws("update", "--continue")):
        assert refused.code == 1
        assert "not finished" in refused.err or "not resolved yet" in refused.err
    git.run("add", "--all")
    assert "not resolved yet" in mlws("update", "--continue").err, "markers were staged"

    write(place, {f"{FOO}/agent.txt": lines("10 both"), "rules.txt": lines("10 both")})
    git.run("add", "--all")
    finished = mlws("update", "--continue")

    assert finished.code == 0, finished.err
    assert git.run("rev-parse", "HEAD^") == head
    assert git.branch() == ("main" if here else "mlws/update-v1.1.0")
    assert git.run("rev-parse", "main") == (git.run("rev-parse", "HEAD") if here else head)
    assert not git.changed()
    assert (place / FOO / "agent.txt").read_text() == lines("10 both")
    assert mlws("update").out == "up to date: v1.1.0\n"


@pytest.mark.parametrize("here", [True, False])
def test_a_conflict_can_be_given_up(place: Path, mlws: Mlws, here: bool) -> None:
    write(place, {f"{FOO}/agent.txt": lines("10 mine")})
    commit(place, "Edit")
    write(place, {"staged.txt": "staged\n", "unsaved.txt": "untracked\n"})
    Git(place).run("add", "staged.txt")
    before = whole(place)

    assert mlws("update", *(["--here"] if here else [])).code == 1
    assert whole(place) != before
    ended = mlws("update", "--abort")

    assert ended.code == 0, ended.err
    assert whole(place) == before
    assert "no update is on its way" in mlws("update", "--abort").err


def test_giving_up_refuses_to_overwrite_what_was_edited_since(place: Path, mlws: Mlws) -> None:
    write(place, {f"{FOO}/agent.txt": lines("10 mine")})
    commit(place, "Edit")
    before = whole(place)
    assert mlws("update", "--here").code == 1
    write(place, {f"{FOO}/agent.txt": "half resolved\n"})

    refused = mlws("update", "--abort")
    assert refused.code == 1
    assert f"edited since the update began:\n  {FOO}/agent.txt" in refused.err
    assert (place / FOO / "agent.txt").read_text() == "half resolved\n"

    assert mlws("update", "--abort", "--force").code == 0
    assert whole(place) == before


def test_what_was_staged_before_is_no_part_of_the_commit_and_stays_staged(
    place: Path, mlws: Mlws
) -> None:
    write(place, {f"{FOO}/agent.txt": lines("10 mine")})
    commit(place, "Edit")
    write(place, {"mine.txt": "staged\n"})
    git = Git(place)
    git.run("add", "mine.txt")
    assert mlws("update", "--here").code == 1
    write(place, {f"{FOO}/agent.txt": lines("10 both")})
    git.run("add", f"{FOO}/agent.txt")

    ended = mlws("update", "--continue")

    assert ended.code == 0, ended.err
    assert "mine.txt" not in git.run("ls-tree", "-r", "--name-only", "HEAD")
    assert git.run("diff", "--cached", "--name-only") == "mine.txt"


def test_only_a_change_in_the_same_file_stops_an_update(place: Path, mlws: Mlws) -> None:
    write(place, {f"{BAR}/agent.txt": lines("1 unsaved"), f"{BAR}/new.txt": "untracked\n"})
    before = state(place)

    for refused in (mlws("update"), mlws("update", "--here"), mlws("update", "--only", BAR)):
        assert refused.code == 1
        assert f"where the update writes:\n  {BAR}/agent.txt\n" in refused.err
        assert "commit them, or git stash" in refused.err
    assert state(place) == before

    for project in (FOO, "."):
        ended = mlws("update", "--here", "--only", project)
        assert ended.code == 0, ended.err
    assert (place / FOO / "agent.txt").read_text() == lines("10 new agent")
    assert Git(place).changed() == [f"{BAR}/agent.txt", f"{BAR}/new.txt"]


def test_json_lists_every_project_and_file(place: Path, mlws: Mlws) -> None:
    write(place, {"rules.txt": lines("10 ours")})
    commit(place, "Edit")

    looked = mlws("update", "--diff", "--json", "--only", ".")
    conflict = mlws("update", "--json")

    shown = json.loads(looked.out)
    assert shown["state"] == "planned"
    change = {"path": "rules.txt", "change": "conflict", "before": ""}
    assert change in shown["projects"][0]["changes"]
    assert "+new rule" in shown["projects"][0]["diff"]
    last = json.loads(conflict.out)
    assert (last["state"], last["branch"]) == ("conflicts", "mlws/update-v1.1.0")
    assert [project["folder"] for project in last["projects"]] == [BAR, FOO, "."]
    assert (looked.code, conflict.code) == (1, 1)


def test_an_interruption_before_writing_leaves_everything(place: Path) -> None:
    before = state(place)
    seen: list[Path] = []

    def stopped() -> None:
        with planned(place, Request(only=FOO), print) as plan:
            assert plan.private is not None
            seen.append(plan.private.git.folder)
            assert seen[0].exists()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()

    assert state(place) == before
    assert not seen[0].exists()


def test_a_commit_made_meanwhile_is_not_overrun(place: Path) -> None:
    with planned(place, Request(only=FOO), print) as plan:
        write(place, {"later.txt": "later\n"})
        commit(place, "Later")
        before = state(place)
        with pytest.raises(MlwsError, match="branch moved"):
            applying.apply(plan, here=True)
        assert state(place) == before


def test_a_detached_head_and_no_identity_are_no_obstacle(
    place: Path, mlws: Mlws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    Git(place).run("checkout", "--quiet", "--detach")

    ended = mlws("update", "--here", "--only", FOO)

    assert ended.code == 0, ended.err
    assert Git(place).run("log", "-1", "--format=%an") == "mlws"
    assert "git knows no author here" in ended.err
