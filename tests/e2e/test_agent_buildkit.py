"""The Dockerfile and compose file under BuildKit: shared code comes by a named context, or not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import docker_engine, newer_docker
from tests.support.docker_engine import Engine
from tests.support.installation import UV, run
from tests.support.rendering import render
from tests.support.template_repo import write

pytestmark = pytest.mark.services

HOST = "services:\n  agent:\n    build:\n      network: host\n"
IMPORT = ("python", "-c", "import shared_tools; print(shared_tools.ANSWER)")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with docker_engine.running(newer_docker.programs()) as started:
        yield started


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A production agent with its lock, in a workspace that shares a module and a prompt."""
    root = tmp_path_factory.mktemp("buildkit")
    answers = {"agent_name": "helper", "agent_framework": "plain"}
    folder = render("agent", answers, root / "agents/production/helper")
    write(root, {
        "shared/tools/src/shared_tools/__init__.py": "ANSWER = 42\n",
        "shared/prompts/polite.md": "Be polite.\n",
        "agents/production/helper/host.yaml": HOST,
    })  # fmt: skip
    run([UV, "lock", "--quiet"], folder)
    return folder


def _answer(engine: Engine, image: str) -> str:
    return engine.run("run", "--rm", "--network", "none", image, *IMPORT)


def test_a_named_context_brings_what_the_workspace_shares(engine: Engine, folder: Path) -> None:
    environment = {**engine.environment, **newer_docker.environment()}
    build = ["docker", "buildx", "build", "--load", "--network", "host", "--tag", "named"]
    run([*build, "--build-context", "shared=../../../shared", "."], folder, environment)
    assert _answer(engine, "named") == "42"
    prompts = engine.run("run", "--rm", "--network", "none", "named", "ls", "/app/shared/prompts")
    assert prompts == "polite.md"


def test_without_a_context_the_image_is_built_all_the_same(engine: Engine, folder: Path) -> None:
    environment = {**engine.environment, **newer_docker.environment()}
    build = ["docker", "buildx", "build", "--load", "--network", "host", "--tag", "plain", "."]
    run(build, folder, environment)
    listed = engine.run("run", "--rm", "--network", "none", "plain", "ls", "/app/shared/tools/src")
    assert listed == ""


def test_compose_builds_with_the_named_context(engine: Engine, folder: Path) -> None:
    environment = {**engine.environment, **newer_docker.environment()}
    compose = ["docker", "compose", "--file", "compose.yaml", "--file", "host.yaml"]
    run([*compose, "build", "agent"], folder, environment)
    assert _answer(engine, "helper-agent") == "42"
