"""The image of a production agent: built by its Dockerfile, run as nobody, healthy, read-only."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from mlws_scaffold.agents.serving import fake_model
from tests.support import docker_engine
from tests.support.docker_engine import Engine
from tests.support.installation import UV, run
from tests.support.rendering import render

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with docker_engine.running() as started:
        yield started


@pytest.fixture(scope="module")
def image(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An agent with its lock, built as its README says."""
    answers = {"agent_name": "helper", "agent_framework": "plain"}
    folder = render("agent", answers, tmp_path_factory.mktemp("image") / "helper")
    run([UV, "lock", "--quiet"], folder)
    build = ["build", "--network", "host", "--build-arg", "VERSION=0.1.0", "--tag", "helper:0.1.0"]
    engine.run(*build, ".", folder=folder)
    return "helper:0.1.0"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_image_answers_its_own_health_check_as_nobody_on_a_read_only_root(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    keys.write_text("a-key-of-many-characters\n")
    keys.chmod(0o644)
    port = _free_port()
    with fake_model.running(seconds_a_word=0) as address:
        container = engine.run(
            "run", "--detach", "--network", "host", "--read-only", "--tmpfs", "/tmp",
            "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--memory", "256m",
            "--health-interval", "1s", "--volume", f"{keys}:/run/secrets/api_keys:ro",
            "--env", f"AGENT_PORT={port}", "--env", "AGENT_HOST=127.0.0.1",
            "--env", f"OLLAMA_HOST={address}", "--env", "AGENT_MODEL=fake", image,
        )  # fmt: skip
        try:
            assert _health(engine, container) == "healthy", engine.run("logs", container)
            with urlopen(f"http://127.0.0.1:{port}/health", timeout=10) as answer:
                told = json.load(answer)
            assert (told["status"], told["version"]) == ("ready", "0.1.0")
            assert engine.run("exec", container, "python", "-c", "import os; print(os.getuid())")
            uid = engine.run("exec", container, "python", "-c", "import os; print(os.getuid())")
            assert uid == "65532"
            touch = "open('/app/new', 'w')"
            assert "Read-only file system" in engine.run(
                "exec", container, "python", "-c", touch, status=1
            )
            smoke = Path(__file__).parents[2] / "templates/agent/tests/smoke/smoke.py"
            assert smoke.is_file()
            begin = time.monotonic()
            engine.run("stop", container)
            assert time.monotonic() - begin < 30
        finally:
            engine.run("rm", "--force", container, status=None)


def _health(engine: Engine, container: str) -> str:
    deadline = time.monotonic() + 60
    state = "starting"
    while state == "starting" and time.monotonic() < deadline:
        time.sleep(0.5)
        state = engine.run("inspect", "--format", "{{.State.Health.Status}}", container)
    return state


def test_the_image_holds_no_build_tools_and_no_secrets(engine: Engine, image: str) -> None:
    listed = engine.run("run", "--rm", "--network", "none", image, "ls", "-A", "/app")
    assert sorted(listed.split()) == [".venv", "agent.yaml", "config.yaml", "prompts", "shared"]
    engine.run("run", "--rm", "--network", "none", image, "sh", "-c", "! command -v uv")
    labels = json.loads(engine.run("inspect", "--format", "{{json .Config.Labels}}", image))
    assert labels["org.opencontainers.image.version"] == "0.1.0"
