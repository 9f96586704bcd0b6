"""Configuration: what wins, what is refused, when not to start; the container's probe."""

import tomllib
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from agent import __version__
from agent.healthcheck import alive
from agent.server import main
from agent.settings import SettingsError, load_settings

OWN = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a small agent with a key, and make it the agent's home."""
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "system.md").write_text("Be brief.\n", encoding="utf-8")
    (tmp_path / "agent.yaml").write_text("name: small\nmodel: tiny\nowner: ann\n", encoding="utf-8")
    (tmp_path / "config.yaml").write_text("limits: {running: 2, queued: 3}\n", encoding="utf-8")
    (tmp_path / "keys").write_text("a-key-of-many-characters\n", encoding="utf-8")
    monkeypatch.setenv("AGENT_HOME", str(tmp_path))
    monkeypatch.setenv("AGENT_API_KEYS_FILE", str(tmp_path / "keys"))
    return tmp_path


def test_the_files_of_this_agent_are_valid() -> None:
    """What is committed starts."""
    assert load_settings(OWN).limits.running >= 1


def test_the_environment_overrules_the_files_key_by_key(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model too: production names the promoted one without touching a file."""
    assert load_settings().model == "tiny"
    monkeypatch.setenv("AGENT_LIMITS__RUNNING", "8")
    monkeypatch.setenv("AGENT_MODEL", "tiny:production")
    settings = load_settings()
    assert (settings.limits.running, settings.limits.queued) == (8, 3)
    assert settings.model == "tiny:production"


@pytest.mark.parametrize(
    ("file", "text", "what"),
    [
        ("config.yaml", "model: other\n", "config.yaml: model: only limits"),
        ("config.yaml", "limits: {runing: 2}\n", "limits.runing"),
        ("config.yaml", "limits: [1\n", "config.yaml"),
        ("config.yaml", "- 1\n", "mapping"),
        ("agent.yaml", "name: small\n", "agent.yaml: model"),
    ],
)
def test_what_is_wrong_is_named(home: Path, file: str, text: str, what: str) -> None:
    """The message holds the file and the field."""
    (home / file).write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=what):
        load_settings()


def test_check_says_valid_and_exits(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is started for it."""
    assert main(["--check"]) == 0
    assert "model tiny, 1 API keys: valid" in capsys.readouterr().out


@pytest.mark.parametrize("keys", ["", "short\n", "one-key-of-16-chars\n" * 3])
def test_no_start_without_good_keys(
    home: Path, keys: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An open service is never the result of a forgotten secret."""
    (home / "keys").write_text(keys, encoding="utf-8")
    assert main(["--check"]) == 2
    assert str(home / "keys") in capsys.readouterr().err


def test_a_missing_or_unreadable_key_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Development may do without; a folder in its place is a mistake everywhere."""
    (home / "keys").unlink()
    assert main(["--check"]) == 2
    monkeypatch.setenv("AGENT_ENVIRONMENT", "development")
    assert main(["--check"]) == 0
    (home / "keys").mkdir()
    assert main(["--check"]) == 2


def test_an_agent_without_instructions_does_not_start(home: Path) -> None:
    """An empty prompt is as bad as a missing one."""
    prompt = home / "prompts" / "system.md"
    prompt.write_text(" \n", encoding="utf-8")
    assert main(["--check"]) == 2
    prompt.unlink()
    assert main(["--check"]) == 2


def test_the_version_is_that_of_pyproject() -> None:
    """A release changes it in one place."""
    project = tomllib.loads((OWN / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert __version__ == project["version"]


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (204, False), (503, False)])
def test_the_container_probe_takes_nothing_but_200(status: int, healthy: bool) -> None:
    """A closed port is a no as well."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/livez" else 500)
            self.end_headers()

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = Thread(target=server.handle_request)
    thread.start()
    assert alive(server.server_port) is healthy
    thread.join()
    server.server_close()
    assert alive(server.server_port) is False
