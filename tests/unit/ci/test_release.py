"""What a release tag must agree with, and the records that come back."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from tests.support import tiny_workspace
from tests.support.commandline import Mlws
from tests.support.template_repo import commit, write

FOLDER = "agents/production/helper"
TAG = "agents/helper/v1.2.0"
DEPLOY = """\
[deploy]
registry = "ghcr.io/acme"
[deploy.staging]
host = "ssh://staging"
[deploy.production]
runner = "gpu1"
"""


@pytest.fixture
def mlws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Mlws:
    root = tiny_workspace.make(tmp_path / "ws", config=DEPLOY)
    project = '[project]\nname = "agent-helper"\nversion = "1.2.0"\n'
    agent = "name: helper\nowner: ann\nmodel: base\n"
    files = {"pyproject.toml": project, "uv.lock": "version = 1\n", "agent.yaml": agent}
    write(root, {f"{FOLDER}/{name}": text for name, text in files.items()})
    Git(root).run("init", "--quiet", "--initial-branch", "main")
    commit(root, "Release")
    return Mlws(root, monkeypatch, capsys)


def test_a_sound_tag_says_what_to_build_and_where_it_is_deployed_from(mlws: Mlws) -> None:
    ended = mlws("ci", "read-tag", TAG, "--github")
    assert ended.code == 0, ended.err
    assert dict(line.split("=", 1) for line in ended.out.splitlines()) == {
        "agent": "helper",
        "version": "1.2.0",
        "folder": FOLDER,
        "image": "ghcr.io/acme/helper:1.2.0",
        "registry": "ghcr.io",
        "staging": '["ubuntu-latest"]',
        "production": '["gpu1"]',
    }
    assert ended.err == ""


def test_the_json_has_the_labels_themselves(mlws: Mlws) -> None:
    told = json.loads(mlws("ci", "read-tag", f"refs/tags/{TAG}", "--json").out)
    assert (told["staging"], told["production"]) == ("ubuntu-latest", "gpu1")


def test_without_a_registry_the_run_says_that_nothing_is_pushed(mlws: Mlws) -> None:
    config = mlws.folder / "mlws.toml"
    config.write_text(config.read_text().replace('registry = "ghcr.io/acme"\n', ""))
    commit(mlws.folder, "No registry")
    ended = mlws("ci", "read-tag", TAG, "--github")
    assert "image=helper:1.2.0\nregistry=\n" in ended.out
    assert ended.err.startswith("::warning file=mlws.toml")


@pytest.mark.parametrize(
    ("tag", "code"),
    [("main", 2), ("agents/helper/1.2.0", 2), ("agents/../v1.2.0", 2), (f"{TAG}\nx=1", 2)],
)
def test_what_is_no_release_tag_is_refused(mlws: Mlws, tag: str, code: int) -> None:
    ended = mlws("ci", "read-tag", tag, "--github")
    assert (ended.code, ended.out) == (code, "")


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        ("version", "says version 1.3.0"),
        ("lock", "uv.lock is not committed"),
        ("branch", "the commit is not on main"),
        ("staging", "staging comes first"),
        ("agent", "there is no agents/production/other/pyproject.toml"),
    ],
)
def test_what_does_not_agree_stops_the_release(mlws: Mlws, break_it: str, said: str) -> None:
    root, git, tag = mlws.folder, Git(mlws.folder), TAG
    if break_it == "version":
        project = root / FOLDER / "pyproject.toml"
        project.write_text(project.read_text().replace("1.2.0", "1.3.0"))
    elif break_it == "lock":
        git.run("rm", "--quiet", "--cached", f"{FOLDER}/uv.lock")
    elif break_it == "branch":
        git.run("switch", "--quiet", "--create", "work")
        write(root, {"more.txt": "x"})
        commit(root, "Not merged")
    elif break_it == "staging":
        config = root / "mlws.toml"
        config.write_text(config.read_text().replace('host = "ssh://staging"\n', ""))
    else:
        tag = TAG.replace("helper", "other")
    ended = mlws("ci", "read-tag", tag)
    assert ended.code == 1
    assert said in ended.err


def _record(key: str, agent: str = "helper") -> str:
    return json.dumps({"id": key, "agent": agent, "at": f"2026-10-19T12:0{key}:00+00:00"})


def test_records_of_all_targets_are_mirrored_once_and_in_order(mlws: Mlws, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    write(kept, {"production/deployments.jsonl": f"{_record('3')}\n{_record('1')}\n"})
    write(kept, {"staging/deployments.jsonl": f"{_record('2')}\n{_record('1')}\n"})
    assert mlws("ci", "mirror-deployments", "helper", str(kept)).code == 0
    path = mlws.folder / FOLDER / "deployments.jsonl"
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == ["1", "2", "3"]
    again = mlws("ci", "mirror-deployments", "helper", str(kept))
    assert again.out == "helper: 0 records added\n"


@pytest.mark.parametrize("line", ["no json", '{"id": 1}', _record("1", agent="other")])
def test_a_line_that_is_no_record_of_the_agent_writes_nothing(
    mlws: Mlws, tmp_path: Path, line: str
) -> None:
    write(tmp_path, {"kept/deployments.jsonl": f"{_record('1')}\n{line}\n"})
    ended = mlws("ci", "mirror-deployments", "helper", str(tmp_path / "kept"))
    assert ended.code == 1
    assert "deployments.jsonl:2" in ended.err
    assert not (mlws.folder / FOLDER / "deployments.jsonl").exists()


def _docker(folder: Path, monkeypatch: pytest.MonkeyPatch, run: str) -> Path:
    """A docker whose `run` does what is given; returns the list of what it was asked."""
    log = folder / "docker.log"
    script = folder / "bin/docker"
    script.parent.mkdir()
    lines = [f'echo "$*" >> {log}', "case $1 in", "version) echo 28.0;;", f"run) {run};;", "esac"]
    script.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
    return log


def test_an_image_that_does_not_start_or_answer_fails_and_leaves_no_container(
    mlws: Mlws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(mlws.folder, {f"{FOLDER}/tests/smoke/smoke.py": "raise SystemExit('it is silent')\n"})
    commit(mlws.folder, "Smoke")
    log = _docker(tmp_path, monkeypatch, "echo the-container")
    ended = mlws("ci", "smoke-image", "helper", "--image", "helper:ci")
    assert ended.code == 1
    asked = log.read_text().splitlines()
    assert "--read-only" in asked[1]
    assert asked[2:] == ["logs the-container", "rm --force the-container"]
    (tmp_path / "bin/docker").unlink()
    (tmp_path / "bin").rmdir()
    _docker(tmp_path, monkeypatch, "echo no such image >&2; exit 125")
    ended = mlws("ci", "smoke-image", "helper", "--image", "helper:ci")
    assert (ended.code, "does not start: no such image" in ended.err) == (1, True)
