"""`mlws doctor`: what it finds, that every finding has its cure, and that nothing stops it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from mlws_scaffold import __version__
from mlws_scaffold.adapters import ollama
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.checks import doctor
from mlws_scaffold.checks.doctor import Finding
from mlws_scaffold.checks.examinations import services
from mlws_scaffold.checks.examinations.case import Case
from mlws_scaffold.workspace.config import load
from tests.support import tiny_workspace
from tests.support.commandline import Mlws
from tests.support.fake_ollama import FakeOllama, running

ANSWERS = "gpus: none\n_src_path: https://git.example.org/t/mlws-scaffold.git\n"
CLOSED = "http://127.0.0.1:9"


def _examined(root: Path, **environment: str) -> dict[str, Finding]:
    given = {"OLLAMA_HOST": CLOSED, "PATH": os.environ["PATH"], **environment}
    return {finding.name: finding for finding in doctor.examine(root, given)}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tiny_workspace.make(tmp_path / "ws", answers=ANSWERS)


@contextmanager
def _server(answer: bytes, login: str = "") -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = not login or self.headers.get("Authorization") == login
            self.send_response(200 if known else 401)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("state", ["warning", "failure", "unknown"])
def test_a_finding_that_is_not_ok_cannot_be_made_without_a_cure(state: str) -> None:
    with pytest.raises(ValueError, match="cure"):
        Finding("x", state, "detail")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "config",
    [
        "",
        "[workspace",
        '[data]\nanswer = "lfs"\n[compute]\ndefault = "slurm"\n[gpus]\nrequired = true\n',
        '[compute]\ndefault = "kubernetes"\n[gpus]\nstore = "postgresql://u:secret@127.0.0.1:9/x"\n',
        '[gpus]\nstore = "postgresql://[broken"\n',
        '[models]\nhost = "ftp://x"\n',
    ],
)
@pytest.mark.parametrize("path", ["", "/nowhere"])
def test_every_finding_has_a_cure_and_nothing_stops_the_doctor(
    tmp_path: Path, config: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if path:
        monkeypatch.setenv("PATH", path)
    root = tiny_workspace.make(tmp_path / "ws", config=config)
    (root / "models/registry.yaml").write_text("models: [")
    found = doctor.examine(root, {"PYTHONDONTWRITEBYTECODE": "1"})
    assert {finding.name for finding in found} >= {"python", "uv", "git", "Ollama", "disk space"}
    assert [finding for finding in found if finding.state != "ok" and not finding.cure] == []
    assert "secret" not in repr(found)


def test_an_examined_name_appears_for_every_examination(root: Path) -> None:
    assert {name for name, _ in doctor.EXAMINATIONS} - set(_examined(root)) == {"SQLite files"}


def test_a_broken_configuration_is_a_finding_with_its_line(root: Path) -> None:
    (root / "mlws.toml").write_text('[workspace]\nname = "x"\ncolour = 1\n')
    finding = _examined(root)["mlws.toml"]
    assert finding.state == "failure"
    assert "mlws.toml:3:1" in finding.detail


def test_settings_say_where_they_came_from(root: Path) -> None:
    found = _examined(root, MLWS_CHECKS_MAX_FILE_MB="5", MLWS_GPUS_STORE="sqlite:////tmp/g.db")
    assert found["settings"].detail == (
        "checks.max_file_mb from MLWS_CHECKS_MAX_FILE_MB; gpus.store from MLWS_GPUS_STORE; "
        "models.host from OLLAMA_HOST"
    )
    assert "OLLAMA_HOST" not in _examined(root, MLWS_MODELS_HOST=CLOSED)["settings"].detail


def test_missing_bytecode_is_a_warning(root: Path) -> None:
    found = _examined(root, PYTHONDONTWRITEBYTECODE="1")["bytecode"]
    assert (found.state, found.cure) == ("warning", "unset PYTHONDONTWRITEBYTECODE")


def test_a_newer_python_than_this_can_be_asked_for(root: Path) -> None:
    (root / "pyproject.toml").write_text('[project]\nrequires-python = ">=3.99"\n')
    found = _examined(root)["python"]
    assert found.state == "failure"
    assert "3.99" in found.cure


def test_git_without_identity_is_a_warning(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _examined(root)["git identity"].state == "ok"
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none.gitconfig"))
    assert _examined(root)["git identity"].state == "warning"


def test_hooks_count_only_when_all_types_are_installed_and_ours(root: Path) -> None:
    (root / ".pre-commit-config.yaml").write_text(
        "default_install_hook_types: [pre-commit, pre-push]\nrepos: []\n"
    )
    assert "no git repository" in _examined(root)["pre-commit"].detail
    Git(root).run("init", "--quiet")
    hooks = root / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    (hooks / "pre-push").write_text("#!/bin/sh\nexit 0\n")
    (hooks / "pre-push").chmod(0o755)
    assert "pre-commit, pre-push" in _examined(root)["pre-commit"].detail
    for kind in ("pre-commit", "pre-push"):
        (hooks / kind).write_text("#!/bin/sh\nexec pre-commit hook-impl\n")
        (hooks / kind).chmod(0o755)
    assert _examined(root)["pre-commit"].state == "ok"


@pytest.mark.parametrize(
    ("commit", "state", "cure"),
    [
        (f"v{__version__}", "ok", ""),
        ("v0.0.1", "warning", "mlws update"),
        ("v0.0.1-3-gabc1234", "warning", "mlws update"),
        ("v99.0.0", "warning", "uv sync"),
        ("1f2e3d4c5b6a7988", "unknown", "mlws update"),
        ("", "unknown", "--link"),
    ],
)
def test_the_template_version_is_held_against_this_package(
    tmp_path: Path, commit: str, state: str, cure: str
) -> None:
    answers = ANSWERS + (f"_commit: {commit}\n" if commit else "")
    found = _examined(tiny_workspace.make(tmp_path / "ws", answers=answers))["template version"]
    assert found.state == state
    assert cure in found.cure


@pytest.mark.parametrize(("source", "state"), [("", "warning"), ("/not/here", "warning")])
def test_an_origin_that_no_update_can_use_is_a_warning(
    tmp_path: Path, source: str, state: str
) -> None:
    answers = f"gpus: none\n_src_path: '{source}'\n"
    found = _examined(tiny_workspace.make(tmp_path / "ws", answers=answers))
    assert found["template origin"].state == state


def test_ollama_and_its_missing_models_are_found(root: Path) -> None:
    assert _examined(root)["Ollama"].state == "warning"
    with running(FakeOllama()) as fake:
        found = _examined(root, OLLAMA_HOST=fake.url)
        assert (found["Ollama"].state, found["models"].state) == ("ok", "warning")
        assert found["models"].cure == "mlws model sync base"
        fake.add("m:1")
        # An agent that names the key would not find it.
        assert _examined(root, OLLAMA_HOST=fake.url)["models"].state == "warning"
        ollama.copy(fake.url, "m:1", "base")
        assert _examined(root, OLLAMA_HOST=fake.url)["models"].state == "ok"


@pytest.mark.parametrize(("answer", "state"), [(b"OK", "ok"), (b"<html>log in</html>", "failure")])
def test_a_tracking_server_must_say_ok(root: Path, answer: bytes, state: str) -> None:
    with _server(answer) as url:
        assert _examined(root, MLWS_TRACKING_URI=url)["tracking store"].state == state


@pytest.mark.parametrize(
    ("login", "given"),
    [
        ("Bearer abc", {"TOKEN": "abc"}),
        ("Basic YW5uOnNlY3JldA==", {"USERNAME": "ann", "PASSWORD": "secret"}),
    ],
)
def test_a_tracking_server_behind_a_login_is_asked_with_what_mlflow_uses(
    root: Path, monkeypatch: pytest.MonkeyPatch, login: str, given: dict[str, str]
) -> None:
    with _server(b"OK", login) as url:
        refused = _examined(root, MLWS_TRACKING_URI=url)["tracking store"]
        assert (refused.state, "MLFLOW_TRACKING_TOKEN" in refused.detail) == ("failure", True)
        for name, value in given.items():
            monkeypatch.setenv(f"MLFLOW_TRACKING_{name}", value)
        assert _examined(root, MLWS_TRACKING_URI=url)["tracking store"].state == "ok"


def test_a_tracking_store_that_is_not_there_yet_is_a_warning(root: Path) -> None:
    found = _examined(root, MLWS_TRACKING_URI="sqlite:///mlflow.db")
    assert (found["tracking store"].state, found["tracking store"].cure) == (
        "warning",
        "run mlws setup",
    )
    assert found["SQLite files"].state == "ok"


def test_the_file_system_is_that_of_the_deepest_mount(tmp_path: Path) -> None:
    mounts = (
        "/dev/sda / ext4 rw 0 0\n"
        f"server:/x {tmp_path}/shared nfs4 rw 0 0\n"
        f"server:/y {tmp_path}/with\\040blank cifs rw 0 0\n"
        f"tmpfs {tmp_path}/shared/local tmpfs rw 0 0\n"
        "broken\n"
    )
    kinds = {
        name: services.filesystem_of(tmp_path / name / "mlflow.db", mounts)
        for name in ("own", "shared", "shared2", "with blank", "shared/local")
    }
    assert kinds == {
        "own": "ext4",
        "shared": "nfs4",
        "shared2": "ext4",
        "with blank": "cifs",
        "shared/local": "tmpfs",
    }


@pytest.mark.parametrize(
    ("kind", "state"),
    [("nfs4", "failure"), ("lustre", "failure"), ("fuse.sshfs", "failure"), ("btrfs", "ok")],
)
def test_sqlite_on_a_network_disk_is_told_with_its_cure(
    root: Path, tmp_path: Path, kind: str, state: str
) -> None:
    table = tmp_path / "mounts"
    table.write_text(f"/dev/sda / ext4 rw 0 0\nserver:/x {tmp_path} {kind} rw 0 0\n")
    place = load(root, {"MLWS_TRACKING_URI": "sqlite:///mlflow.db"})
    [found] = services.network_disks(Case(place, {}, {}, table))
    assert (found.state, kind in found.detail) == (state, True)
    assert ("name a server in [tracking]" in found.cure) == (state == "failure")
    [unread] = services.network_disks(Case(place, {}, {}, tmp_path / "absent"))
    assert unread.state == "unknown"


def test_a_gpu_store_that_does_not_answer_is_a_failure_without_its_password(root: Path) -> None:
    pytest.importorskip("psycopg")
    found = _examined(root, MLWS_GPUS_STORE="postgresql://u:hunter2@127.0.0.1:9/x")["GPU store"]
    assert found.state == "failure"
    assert "hunter2" not in found.detail


def test_the_command_ends_with_1_only_for_a_failure(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mlws = Mlws(root, monkeypatch, capsys)
    (root / "mlws.toml").write_text('[workspace]\nname = "tiny"\n')
    found = json.loads(mlws("doctor", "--json").out)
    failing = [finding["name"] for finding in found if finding["state"] == "failure"]
    assert mlws("doctor").code == int(bool(failing))
    (root / "mlws.toml").write_text("[workspace")
    ended = mlws("doctor")
    assert ended.code == 1
    assert "failure  mlws.toml: " in ended.out
    assert "         -> " in ended.out
