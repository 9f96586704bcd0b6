"""`mlws agent build`, `up`, `down`, `smoke`: what docker is asked, and what is refused."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.agents import catalog
from mlws_scaffold.agents.operations import image
from mlws_scaffold.workspace.config import load
from tests.support import fake_docker, tiny_workspace
from tests.support.commandline import Mlws
from tests.support.fake_docker import FakeDocker
from tests.support.installation import UV
from tests.support.rendering import render
from tests.support.template_repo import commit, write

FOLDER = "agents/production/helper"
PROJECT = '[project]\nname = "agent-helper"\nversion = "1.2.0"\nrequires-python = ">=3.11"\n'
PROJECT += 'description = "Helps the team"\n'
IGNORE = ".env\n.env.*\n__pycache__/\n"
KEY = "a-key-of-many-characters"
ALERTS = '[alerts]\nreceiver = "slack"\nto = "#agents"\nurl_env = "ALERTS_URL"\n'
HOOK = "https://hooks.example.org/services/T0/B0/secret"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A committed workspace with one production agent that has a lock and a key."""
    root = tiny_workspace.make(tmp_path_factory.mktemp("made") / "ws", config=ALERTS)
    render("agent", {"agent_name": "helper", "agent_framework": "plain"}, root / FOLDER)
    write(root, {
        ".gitignore": IGNORE,
        f"{FOLDER}/pyproject.toml": PROJECT,
        "shared/tools/src/shared_tools/__init__.py": "ANSWER = 42\n",
        "shared/tools/tests/test_it.py": "",
        "shared/prompts/polite.md": "Be polite.\n",
    })  # fmt: skip
    lock = [str(UV), "lock", "--quiet", "--offline"]
    subprocess.run(lock, cwd=root / FOLDER, check=True)
    (root / FOLDER / ".env.keys").write_text(f"{KEY}\n")
    git = Git(root)
    git.run("init", "--quiet")
    git.run("remote", "add", "origin", "https://ann:pass@git.example.org/acme/ws.git")
    commit(root, "Start")
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """One's own copy."""
    return shutil.copytree(made, tmp_path / "ws")


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    return _on_path(fake_docker.make(tmp_path / "bin"), monkeypatch)


@pytest.fixture
def mlws(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mlws:
    for name in ("API_KEYS_FILE", "ALERTS_URL", "AGENT_PUBLISHED_PORT"):
        monkeypatch.delenv(name, raising=False)
    return Mlws(root, monkeypatch, capsys)


def _on_path(fake: FakeDocker, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    monkeypatch.setenv(
        "PATH", f"{fake.folder}{os.pathsep}{UV.parent}{os.pathsep}{os.environ['PATH']}"
    )
    return fake


def test_an_image_says_what_it_holds_and_takes_shared_code_along(
    root: Path, docker: FakeDocker, mlws: Mlws
) -> None:
    write(root, {f"{FOLDER}/.env": "SECRET=1\n", f"{FOLDER}/__pycache__/x.pyc": "x"})
    ended = mlws("agent", "build", "helper")
    assert ended.code == 0
    (call,) = docker.calls("build")
    head = Git(root).commit_of("HEAD")
    assert call.words[1:3] == ["--tag", "helper:1.2.0"]
    assert "VERSION=1.2.0" in call.words
    assert f"REVISION={head}" in call.words
    assert "org.opencontainers.image.title=helper" in call.words
    assert "org.opencontainers.image.description=Helps the team" in call.words
    assert "org.opencontainers.image.source=https://git.example.org/acme/ws" in call.words
    assert {"Dockerfile", ".dockerignore", "uv.lock", "src/agent/agent.py"} <= set(call.files)
    assert "shared/tools/src/shared_tools/__init__.py" in call.files
    assert "shared/prompts/polite.md" in call.files
    assert not [path for path in call.files if path.startswith((".env", "shared/tools/tests"))]
    assert not [path for path in call.files if "__pycache__" in path]
    assert not Path(call.words[-1]).exists()


def test_an_uncommitted_change_marks_the_revision(
    root: Path, docker: FakeDocker, mlws: Mlws
) -> None:
    answers = f"{FOLDER}/tests/behaviour/recordings.json"
    write(root, {"README.md": "elsewhere\n", answers: "{}\n"})
    assert mlws("agent", "build", "helper").code == 0
    write(root, {"shared/prompts/polite.md": "Be short.\n"})
    assert (
        mlws("agent", "build", "helper", "--tag", "ghcr.io/acme/helper:x", "--", "--pull").code == 0
    )
    clean, dirty = docker.calls("build")
    assert not [word for word in clean.words if word.endswith("-dirty")]
    assert [
        word for word in dirty.words if word.startswith("REVISION=") and word.endswith("-dirty")
    ]
    assert dirty.words[2] == "ghcr.io/acme/helper:x"
    assert dirty.words[-2] == "--pull"


def test_a_strict_umask_does_not_lock_out_the_user_of_the_image(root: Path) -> None:
    place = load(root)
    found = catalog.find(place.layout, "helper")
    (root / FOLDER / "prompts/system.md").chmod(0o600)
    before = os.umask(0o077)
    try:
        with image.context(place, found, image.describe(place, found)) as folder:
            modes = {path.stat().st_mode & 0o044 for path in folder.rglob("*")}
    finally:
        os.umask(before)
    assert modes == {0o044}


def test_a_local_version_makes_a_tag_that_docker_takes(root: Path) -> None:
    write(root, {f"{FOLDER}/pyproject.toml": PROJECT.replace("1.2.0", "1.2.0+gpu")})
    place = load(root)
    made = image.describe(place, catalog.find(place.layout, "helper"))
    assert (made.tag, made.version) == ("helper:1.2.0-gpu", "1.2.0+gpu")


def test_with_a_stale_lock_nothing_is_built_and_a_dry_run_makes_none(
    root: Path, docker: FakeDocker, mlws: Mlws
) -> None:
    write(root, {f"{FOLDER}/pyproject.toml": PROJECT.replace("1.2.0", "1.3.0")})
    stale = mlws("agent", "build", "helper")
    assert (stale.code, "stale" in stale.err, "uv lock" in stale.err) == (1, True, True)
    (root / FOLDER / "uv.lock").unlink()
    for command in ("build", "up"):
        missing = mlws("agent", command, "helper", "--dry-run")
        assert (missing.code, "no uv.lock" in missing.err) == (1, True)
    assert docker.calls() == []


def test_a_missing_lock_is_made_before_the_image(
    root: Path, docker: FakeDocker, mlws: Mlws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    (root / FOLDER / "uv.lock").unlink()
    built = mlws("agent", "build", "helper")
    assert (built.code, "no uv.lock yet" in built.err) == (0, True)
    assert any("uv.lock" in call.files for call in docker.calls())


def test_a_dry_run_shows_and_changes_nothing(
    root: Path, docker: FakeDocker, mlws: Mlws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERTS_URL", HOOK)
    before = sorted(root.rglob("*"))
    shown = mlws("agent", "up", "helper", "--gpu", "--monitoring", "--dry-run")
    assert shown.code == 0
    assert "docker build --tag helper:1.2.0" in shown.out
    assert f"write {FOLDER}/.env.alertmanager.yml" in shown.out
    assert "--file compose.gpu.yaml --profile monitoring up" in shown.out
    assert HOOK not in shown.out + shown.err
    assert mlws("agent", "down", "helper", "--dry-run").out.startswith("docker compose ")
    smoke = mlws("agent", "smoke", "helper", "--dry-run").out
    assert "http://127.0.0.1:8000 --key-file" in smoke
    assert smoke.strip().endswith("--version 1.2.0 --wait 30")
    assert docker.calls() == []
    assert sorted(root.rglob("*")) == before


def test_up_builds_then_starts_and_down_takes_everything_down(
    root: Path, docker: FakeDocker, mlws: Mlws
) -> None:
    (root / FOLDER / "compose.override.yaml").write_text("services: {}\n")
    assert mlws("agent", "up", "helper").code == 0
    build, start = [
        call for call in docker.calls() if call.words[0] == "build" or "up" in call.words
    ]
    assert build.words[0] == "build"
    assert start.words == [
        "compose", "--project-name", "helper", "--file", "compose.yaml", "--file",
        "compose.override.yaml", "up", "--detach", "--no-build", "--remove-orphans",
    ]  # fmt: skip
    assert start.environment == {"AGENT_IMAGE": "helper:1.2.0"}
    assert mlws("agent", "down", "helper").code == 0
    assert docker.calls()[-1].words[-4:] == ["--profile", "monitoring", "down", "--remove-orphans"]


def test_monitoring_follows_the_promises_and_keeps_its_secret(
    root: Path, docker: FakeDocker, mlws: Mlws, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = root / FOLDER
    text = (folder / "agent.yaml").read_text()
    (folder / "agent.yaml").write_text(text.replace("latency_p95: 30s", "latency_p95: 2500ms"))
    refused = mlws("agent", "up", "helper", "--monitoring")
    assert (refused.code, "ALERTS_URL is not set" in refused.err) == (1, True)
    assert docker.calls() == []
    monkeypatch.setenv("ALERTS_URL", HOOK)
    assert mlws("agent", "up", "helper", "--monitoring").code == 0
    assert "vector(2.5)" in (folder / "monitoring/slo.yml").read_text()
    secret = folder / ".env.alertmanager.yml"
    assert HOOK in secret.read_text()
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert Git(root).changed(FOLDER) == [f"{FOLDER}/agent.yaml", f"{FOLDER}/monitoring/slo.yml"]
    start, again = docker.calls("compose", "--project-name")
    assert again.words[-3:] == ["restart", "prometheus", "alertmanager"]
    assert start.environment["ALERTMANAGER_CONFIG"] == "./.env.alertmanager.yml"
    assert start.environment["ALERTMANAGER_USER"] == f"{os.getuid()}:{os.getgid()}"


def test_without_a_key_nothing_starts_and_the_cure_makes_one(
    root: Path, docker: FakeDocker, mlws: Mlws
) -> None:
    keys = root / FOLDER / ".env.keys"
    keys.write_text("\n")
    refused = mlws("agent", "up", "helper")
    assert (refused.code, "base64 > " in refused.err) == (1, True)
    keys.write_text(KEY)
    keys.chmod(0o600)
    warned = mlws("agent", "up", "helper", "--dry-run")
    assert (warned.code, "chmod 644" in warned.err) == (0, True)
    assert docker.calls() == []


@pytest.mark.parametrize(
    ("broken", "said"),
    [("compose version", "no compose plugin"), ("version", "engine does not answer")],
)
def test_an_engine_that_cannot_do_it_is_no_verdict(
    broken: str, said: str, tmp_path: Path, mlws: Mlws, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = _on_path(fake_docker.make(tmp_path / "bin", broken), monkeypatch)
    for command in ("up", "down"):
        ended = mlws("agent", command, "helper")
        assert (ended.code, said in ended.err, "cure: " in ended.err) == (4, True, True)
    assert fake.calls("build") == []


def test_no_docker_at_all_is_no_verdict(
    tmp_path: Path, mlws: Mlws, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    for tool in (UV, Path(shutil.which("git") or ""), Path(sys.base_exec_prefix) / "bin/python3"):
        (tmp_path / "bin" / tool.name).symlink_to(tool)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    ended = mlws("agent", "build", "helper")
    assert ended.code == 4, ended.err
    assert "docker is not installed" in ended.err, ended.err


def test_what_fails_in_docker_fails_here_with_its_status(
    root: Path, tmp_path: Path, mlws: Mlws, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = _on_path(fake_docker.make(tmp_path / "bin", "build"), monkeypatch)
    assert mlws("agent", "up", "helper").code == 1
    assert fake.calls("compose", "--project-name") == []


def test_a_prototype_has_no_containers(root: Path, docker: FakeDocker, mlws: Mlws) -> None:
    write(root, {"agents/prototypes/idea/agent.yaml": "name: idea\nowner: ann\nmodel: base\n"})
    for command in ("build", "up", "down"):
        ended = mlws("agent", command, "idea")
        assert (ended.code, "mlws agent serve idea" in ended.err) == (2, True)
    assert docker.calls() == []
