"""`mlws agent release` and `mlws ci tag-agents`: from a changelog to a tag that deploys."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from mlws_scaffold.adapters import files as written
from mlws_scaffold.errors import MlwsError
from tests.support.commandline import Mlws
from tests.unit.checks.building import AGENT, Place, files

PROJECT = """\
# the build comes first, with a version of its own kind
[build-system]
requires = ["hatchling>=1.27"]

[project]
name = "agent-helpdesk"   # prefixed
version = "0.1.0"  # by mlws agent release
requires-python = ">=3.11"

[tool.other]
version = "9.9.9"
"""
LOCK = """\
version = 1

[[package]]
name = "aiohttp"
version = "0.1.0"

[[package]]
name = "agent-helpdesk"
version = "0.1.0"
source = { editable = "." }
"""
CHANGES = (
    "# Changes\n\n## Unreleased\n\n- Answers in French, too.\n\n## 0.0.9 - 2026-01-01\n\n- x\n"
)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = files(tmp_path / "ws")
    place.write(f"{AGENT}/pyproject.toml", PROJECT)
    place.write(f"{AGENT}/uv.lock", LOCK)
    place.write(f"{AGENT}/CHANGELOG.md", CHANGES)
    place.git("init", "-q", "-b", "main")
    place.git("config", "user.email", "sarah@example.org")
    place.git("config", "user.name", "Sarah")
    place.commit("begin")
    return place


@pytest.fixture
def mlws(place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mlws:
    return Mlws(place.root, monkeypatch, capsys)


def text(place: Place, name: str) -> str:
    return (place.root / AGENT / name).read_text()


@pytest.fixture
def remote(place: Place, tmp_path: Path) -> Path:
    bare = tmp_path / "remote.git"
    subprocess.run(["git", "init", "-q", "--bare", bare], check=True)
    place.git("remote", "add", "origin", str(bare))
    place.git("push", "-q", "origin", "main")
    return bare


def tags_of(bare: Path) -> list[str]:
    done = subprocess.run(
        ["git", "tag", "--list"], cwd=bare, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ("part", "version"), [("major", "1.0.0"), ("minor", "0.2.0"), ("patch", "0.1.1")]
)
def test_a_release_edits_only_the_version_and_heads_what_was_unreleased(
    place: Place, mlws: Mlws, part: str, version: str
) -> None:
    assert mlws("agent", "release", "helpdesk", "--bump", part).code == 0
    assert text(place, "pyproject.toml") == PROJECT.replace(
        'version = "0.1.0"', f'version = "{version}"'
    )
    own = 'name = "agent-helpdesk"\nversion = '
    assert text(place, "uv.lock") == LOCK.replace(f'{own}"0.1.0"', f'{own}"{version}"')
    head, _, rest = text(place, "CHANGELOG.md").partition(f"## {version} - ")
    assert head == "# Changes\n\n## Unreleased\n\n"
    assert rest[10:] == CHANGES.partition("## Unreleased")[2]


def test_a_dry_run_shows_the_difference_and_writes_nothing(place: Place, mlws: Mlws) -> None:
    ended = mlws("agent", "release", "helpdesk", "--bump", "minor", "--dry-run")
    assert '+version = "0.2.0"  # by mlws agent release' in ended.out
    assert place.git("status", "--porcelain") == ""


def test_an_uncommitted_file_of_the_agent_is_refused(place: Place, mlws: Mlws) -> None:
    place.write(f"{AGENT}/note.md", "x")
    ended = mlws("agent", "release", "helpdesk", "--bump", "minor")
    assert ended.code == 1
    assert "note.md is not committed" in ended.err
    assert text(place, "pyproject.toml") == PROJECT


@pytest.mark.parametrize("changes", [None, "# Changes\n", "## Unreleased\n\n## 0.1.0\n\n- x\n"])
def test_nothing_unreleased_is_refused(place: Place, mlws: Mlws, changes: str | None) -> None:
    path = place.root / AGENT / "CHANGELOG.md"
    path.unlink() if changes is None else path.write_text(changes)
    place.commit()
    ended = mlws("agent", "release", "helpdesk", "--bump", "minor")
    assert ended.code == 1
    assert "## Unreleased" in ended.err
    assert text(place, "pyproject.toml") == PROJECT


def test_a_release_without_a_change_since_the_tag_is_refused(place: Place, mlws: Mlws) -> None:
    mlws("ci", "tag-agents")
    place.edit(f"{AGENT}/CHANGELOG.md", "French", "German")
    place.commit()
    ended = mlws("agent", "release", "helpdesk", "--bump", "patch")
    assert ended.code == 1
    assert "nothing changed since agents/helpdesk/v0.1.0" in ended.err
    place.write(f"{AGENT}/src/agent/agent.py", "# better\n")
    place.commit()
    assert mlws("agent", "release", "helpdesk", "--bump", "patch").code == 0


@pytest.mark.parametrize("failing", ["pyproject.toml", "CHANGELOG.md", "uv.lock"])
def test_a_release_that_cannot_be_written_leaves_all_as_it_was(
    place: Place, mlws: Mlws, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    real, broken = written.write, [failing]

    def write(path: Path, content: str | bytes) -> None:
        if path.name in broken:
            broken.clear()
            raise MlwsError("the disk is full")
        real(path, content)

    monkeypatch.setattr(written, "write", write)
    assert mlws("agent", "release", "helpdesk", "--bump", "minor").code == 1
    assert place.git("status", "--porcelain") == ""


def test_a_version_that_is_not_three_numbers_or_a_stale_lock_is_refused(
    place: Place, mlws: Mlws
) -> None:
    place.edit(f"{AGENT}/uv.lock", 'helpdesk"\nversion = "0.1.0"', 'helpdesk"\nversion = "0.0.1"')
    place.commit()
    assert (
        "does not hold agent-helpdesk 0.1.0"
        in mlws("agent", "release", "helpdesk", "--bump", "minor").err
    )
    place.edit(f"{AGENT}/pyproject.toml", '"0.1.0"', '"0.1.0rc1"')
    place.commit()
    assert "is not X.Y.Z" in mlws("agent", "release", "helpdesk", "--bump", "minor").err


def test_a_prototype_has_no_release(mlws: Mlws) -> None:
    assert mlws("agent", "release", "sketch", "--bump", "minor").code == 2


@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed")
def test_uv_takes_the_edited_lock_for_current(place: Place, mlws: Mlws) -> None:
    project = '[project]\nname = "agent-helpdesk"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n'
    place.write(f"{AGENT}/pyproject.toml", project)
    folder = place.root / AGENT
    (folder / "uv.lock").unlink()
    subprocess.run(["uv", "lock", "--quiet", "--offline"], cwd=folder, check=True)
    place.commit()
    assert mlws("agent", "release", "helpdesk", "--bump", "minor").code == 0
    subprocess.run(["uv", "lock", "--quiet", "--offline", "--check"], cwd=folder, check=True)
    assert tomllib.loads(text(place, "pyproject.toml"))["project"]["version"] == "0.2.0"


def test_each_new_version_gets_one_annotated_tag_and_a_second_call_makes_none(
    place: Place, mlws: Mlws, remote: Path
) -> None:
    found = json.loads(mlws("ci", "tag-agents", "--push", "--json").out)
    assert [tag["state"] for tag in found["tags"]] == ["new"]
    ref = "agents/helpdesk/v0.1.0"
    assert found["dispatch"] == [{"workflow": "deploy-production.yml", "ref": ref}]
    assert tags_of(remote) == [ref]
    assert place.git("cat-file", "-t", ref).strip() == "tag"
    again = mlws("ci", "tag-agents", "--push", "--github")
    assert (again.code, again.out) == (0, "tags=[]\n")


def test_the_tag_carries_what_the_changelog_says(place: Place, mlws: Mlws) -> None:
    mlws("agent", "release", "helpdesk", "--bump", "minor")
    place.commit("Release helpdesk 0.2.0")
    ended = mlws("ci", "tag-agents")
    assert "gh workflow run deploy-production.yml --ref agents/helpdesk/v0.2.0" in ended.out
    assert "- Answers in French, too." in place.git(
        "tag", "-n9", "--list", "agents/helpdesk/v0.2.0"
    )


def test_a_dry_run_makes_no_tag(place: Place, mlws: Mlws, remote: Path) -> None:
    assert mlws("ci", "tag-agents", "--push", "--dry-run").code == 0
    assert (place.git("tag", "--list"), tags_of(remote)) == ("", [])


def test_a_tag_that_was_made_but_not_pushed_is_pushed_by_the_next_call(
    place: Place, mlws: Mlws, remote: Path
) -> None:
    mlws("ci", "tag-agents")
    assert mlws("ci", "tag-agents", "--push", "--github").out == 'tags=["agents/helpdesk/v0.1.0"]\n'
    assert tags_of(remote) == ["agents/helpdesk/v0.1.0"]


def test_a_clone_without_tags_knows_those_of_the_remote(
    place: Place, mlws: Mlws, remote: Path
) -> None:
    mlws("ci", "tag-agents", "--push")
    place.git("tag", "--delete", "agents/helpdesk/v0.1.0")
    place.write("docs/later.md", "x")
    place.commit()
    assert mlws("ci", "tag-agents", "--push", "--github").out == "tags=[]\n"


def test_a_tag_of_another_version_is_refused_and_nothing_is_made(place: Place, mlws: Mlws) -> None:
    place.git("tag", "agents/helpdesk/v0.2.0")
    place.edit(f"{AGENT}/pyproject.toml", 'version = "0.1.0"', 'version = "0.2.0"')
    place.commit()
    ended = mlws("ci", "tag-agents")
    assert ended.code == 1
    assert "which has version 0.1.0" in ended.err
    assert place.git("tag", "--list").split() == ["agents/helpdesk/v0.2.0"]


def test_what_is_not_on_the_main_branch_gets_no_tag(place: Place, mlws: Mlws) -> None:
    place.git("switch", "-q", "-c", "feature/x")
    place.commit()
    ended = mlws("ci", "tag-agents")
    assert ended.code == 2
    assert "HEAD is not on main" in ended.err


def test_an_agent_without_a_committed_lock_waits(place: Place, mlws: Mlws) -> None:
    (place.root / AGENT / "uv.lock").unlink()
    place.commit()
    ended = mlws("ci", "tag-agents", "--github")
    assert (ended.code, ended.out) == (0, "tags=[]\n")
    assert "no committed uv.lock" in ended.err


def test_a_machine_without_an_identity_can_tag(
    place: Place, mlws: Mlws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    for name in (
        "GIT_AUTHOR_NAME",
        "GIT_AUTHOR_EMAIL",
        "GIT_COMMITTER_NAME",
        "GIT_COMMITTER_EMAIL",
    ):
        monkeypatch.delenv(name, raising=False)
    place.git("config", "--unset", "user.email")
    place.git("config", "--unset", "user.name")
    assert mlws("ci", "tag-agents").code == 0
    assert "github-actions[bot]" in place.git("tag", "--format=%(taggername)", "--list")
