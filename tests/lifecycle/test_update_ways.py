"""Ways around the plain update: files taken over, pull requests, migrations, questions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from tests.support import template_repo
from tests.support.commandline import Mlws
from tests.support.template_repo import TemplateRepo, commit, lines, write

pytestmark = pytest.mark.slow

W = "templates/workspace"


def test_what_the_team_took_over_is_left_alone(
    template: TemplateRepo, place: Path, mlws: Mlws
) -> None:
    text = '# ours\n[update] # kept\nown = [\n  "/kept.txt",\n]\n\n[workspace]\nname = "ws"\n'
    write(place, {"mlws.toml": text})
    commit(place, "Table")

    taken = mlws("update", "--eject", "rules.txt", "--eject", "old.txt")
    again = mlws("update", "--own", "/rules.txt", "--own", "later/")
    absent = mlws("update", "--eject", "nowhere.txt")

    assert (taken.code, again.code, absent.code) == (0, 0, 2)
    assert again.out == "yours from now on: later/\ncommit mlws.toml\n"
    assert (place / "mlws.toml").read_text() == (
        '# ours\n[update] # kept\nown = ["/kept.txt", "/rules.txt", "/old.txt", "later/"]\n\n'
        '[workspace]\nname = "ws"\n'
    )
    assert "/rules.txt, /old.txt" in mlws("status").out
    commit(place, "Take over")
    changes: dict[str, str | bytes | None] = {
        f"{W}/rules.txt": lines("10 new rule"),
        f"{W}/old.txt": None,
        f"{W}/later/file.txt": "never wanted\n",
        f"{W}/legacy.txt": None,
    }
    template.release("v1.1.0", changes)

    ended = mlws("update", "--here")

    assert ended.code == 0, ended.err
    assert (place / "rules.txt").read_text() == lines()
    assert (place / "old.txt").exists()
    assert not (place / "later").exists()
    assert not (place / "legacy.txt").exists()


def test_a_table_is_added_to_a_file_that_has_none(place: Path, mlws: Mlws) -> None:
    assert mlws("update", "--own", "mine/**").code == 0
    assert (place / "mlws.toml").read_text() == (
        '[workspace]\nname = "ws"\n\n[update]\nown = ["mine/**"]\n'
    )
    assert mlws("update", "--own", ".copier-answers.yml").code == 2


def test_a_pull_request_explains_the_update(
    template: TemplateRepo, place: Path, mlws: Mlws, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    log = "## 1.1.0\n\n- Rules that hold.\n\n## 1.0.5\n\n- A start.\n\n## 1.0.0\n\n- Old.\n"
    changes: dict[str, str | bytes | None] = {
        f"{W}/rules.txt": lines("10 new rule"),
        "CHANGELOG.md": log,
    }
    template.release("v1.1.0", changes)
    write(place, {"rules.txt": lines("10 ours")})
    commit(place, "Edit")
    before = template_repo.tracked_state(place)
    tools = tmp_path / "tools"
    tools.mkdir()

    printed = mlws("update", "--pr")

    assert printed.code == 1
    assert "Update workspace from the template: v1.0.0 -> v1.1.0\n" in printed.out
    assert "#### 1.1.0\n\n- Rules that hold.\n\n#### 1.0.5\n\n- A start." in printed.out
    assert "- Old." not in printed.out
    assert "resolve them here\n\n- `rules.txt`" in printed.out
    assert template_repo.tracked_state(place) == before
    assert "<<<<<<< yours/workspace" in Git(place).run("show", "mlws/update-v1.1.0:rules.txt")

    (tools / "gh").write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" > {tools}/said\necho https://pull/1\n'
    )
    (tools / "gh").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=":")
    Git(tmp_path).run("init", "--quiet", "--bare", "remote.git")
    Git(place).run("remote", "add", "origin", str(tmp_path / "remote.git"))

    opened = mlws("update", "--pr")

    assert opened.out.endswith("https://pull/1\n")
    said = (tools / "said").read_text()
    assert said.startswith("pr\ncreate\n--head\nmlws/update-v1.1.0\n--title\nUpdate workspace")
    assert said.endswith("--draft\n")
    assert Git(tmp_path / "remote.git").commit_of("mlws/update-v1.1.0")


def test_migrations_are_listed_and_run_only_when_asked(
    template: TemplateRepo, place: Path, mlws: Mlws
) -> None:
    settings = (template.folder / "copier.yml").read_text()
    due = '{version: v1.1.0, command: "echo $STAGE $VERSION_FROM $VERSION_TO > ran.log"}'
    later = "{version: v3.0.0, command: [touch, never.log]}"
    changes: dict[str, str | bytes | None] = {
        "copier.yml": f"{settings}_migrations: [{due}, {later}]\n",
        f"{W}/rules.txt": lines("10 new rule"),
    }
    template.release("v1.1.0", changes)

    looked = mlws("update", "--diff", "--json")
    assert len(json.loads(looked.out)["migrations"]) == 1
    assert mlws("update", "--migrate").code == 2
    ended = mlws("update", "--here", "--migrate")

    assert ended.code == 0, ended.err
    assert (place / "ran.log").read_text() == "after v1.0.0 v1.1.0\n"
    assert not (place / "never.log").exists()


def test_new_questions_are_asked_or_take_their_default_and_old_ones_go(
    template: TemplateRepo, place: Path, mlws: Mlws, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = (template.folder / "copier.yml").read_text()
    renewed = settings.replace(
        "title: {type: str, default: A title}", "colour: {type: str, default: red}"
    )
    changes: dict[str, str | bytes | None] = {
        "copier.yml": renewed,
        f"{W}/title.txt.jinja": "{{ colour }}\n",
    }
    template.release("v1.1.0", changes)

    looked = mlws("update", "--diff")
    monkeypatch.setattr("click.prompt", lambda *_, **__: "blue")
    ended = mlws("update", "--here", "--ask")

    assert "new question colour: 'red' is taken" in looked.out
    assert "the question title is gone" in looked.out
    assert ended.code == 0, ended.err
    assert (place / "title.txt").read_text() == "blue\n"
    answers = (place / ".copier-answers.yml").read_text()
    assert "colour: blue" in answers
    assert "title" not in answers


def test_a_changed_default_is_told(template: TemplateRepo, place: Path, mlws: Mlws) -> None:
    settings = (template.folder / "copier.yml").read_text()
    template.release("v1.1.0", {"copier.yml": settings.replace("A title", "Another")})

    ended = mlws("update", "--here")

    assert "the default of title was 'A title' and is 'Another' now; yours stays" in ended.out
    assert "title: A title" in (place / ".copier-answers.yml").read_text()
