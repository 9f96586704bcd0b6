"""The target `compose`, with a stand-in for `docker` alone: proxy, agents and files are real."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import compose_host
from tests.support.canary_lab import traffic
from tests.support.compose_host import Host
from tests.support.deployed import Deployed

pytestmark = pytest.mark.slow

COMPOSE = Path(__file__).parents[3] / "templates/agent/deploy/compose.yaml"
TO_COMPOSE = ("--target", "compose")


@pytest.fixture
def host(deployed: Deployed, tmp_path: Path) -> Iterator[Host]:
    """A Docker host with the agent's image of 1.0.1; a socket's path must be short."""
    made = compose_host.install(Path(tempfile.mkdtemp(prefix="mlws-host-")), tmp_path / "bin")
    deployed.first.append(tmp_path / "bin")
    (deployed.house.agent / "deploy").mkdir()
    shutil.copy(COMPOSE, deployed.house.agent / "deploy/compose.yaml")
    commit(deployed, made, "1.0.1")
    try:
        yield made
    finally:
        for service in ("proxy", "agent-a", "agent-b"):
            made.daemon(service).stop(0.2)
        shutil.rmtree(made.folder)


def commit(deployed: Deployed, host: Host, version: str, fault: str = "") -> None:
    deployed.house.commit(version, fault)
    head = deployed.house.git("rev-parse", "HEAD")
    host.add_image(f"helper:{version}", version, head)


def test_a_good_version_takes_over_and_rollback_starts_the_image_before(
    deployed: Deployed, host: Host
) -> None:
    deployed.mlws("deploy", "helper", *TO_COMPOSE)
    commit(deployed, host, "1.1.0")

    with traffic.steady(deployed.house.port, 60.0) as load:
        deployed.mlws("deploy", "helper", *TO_COMPOSE, "--steps", "50,100")
        assert not host.daemon("agent-a").alive
        deployed.mlws("rollback", "helper", *TO_COMPOSE)

    assert load.failed == []
    assert set(load.by_version()) == {"1.0.1", "1.1.0"}
    assert traffic.served_twice(deployed.house.lab) == []
    (status,) = json.loads(deployed.mlws("status", "helper", *TO_COMPOSE, "--json"))
    stable = status["versions"][0]
    assert (stable["version"], stable["digest"]) == ("1.0.1", "sha256:1.0.1")
    assert (stable["ready"], stable["weight"]) == (True, 100)
    # Only the service that is meant is touched, and nothing that runs besides is removed.
    ups = [call["words"] for call in host.calls("up")]
    assert all("--no-deps" in words and "--remove-orphans" not in words for words in ups)
    assert {call["project"] for call in host.calls()} == {"helper-production"}


def test_a_killed_deployer_frees_its_lock_and_is_gone_on_with(
    deployed: Deployed, host: Host
) -> None:
    deployed.mlws("deploy", "helper", *TO_COMPOSE)
    commit(deployed, host, "1.1.0")
    deployed.quick("deploy", "helper", *TO_COMPOSE, dies_at=5)

    deployed.quick("deploy", "helper", *TO_COMPOSE, "--resume")

    assert deployed.house.records()[-1]["version"] == "1.1.0"
    assert json.loads((host.volume / "journal.json").read_text())["begun"] is None


def test_an_image_of_another_commit_is_not_deployed(deployed: Deployed, host: Host) -> None:
    host.add_image("helper:1.0.1", "1.0.1", "f" * 40)

    said = deployed.errors("deploy", "helper", *TO_COMPOSE, status=1)

    assert f"helper:1.0.1 was built from {'f' * 40}" in said
    assert not (host.volume / "journal.json").exists()


def test_an_image_is_built_of_what_lies_here_also_after_a_deployment(
    deployed: Deployed, host: Host
) -> None:
    deployed.mlws("deploy", "helper", *TO_COMPOSE, "--build")
    assert (deployed.house.agent / "deployments.jsonl").exists()
    deployed.house.commit("1.1.0")
    (deployed.house.agent / "deployments.jsonl").write_text("")

    deployed.quick("deploy", "helper", *TO_COMPOSE, "--build")

    images = json.loads((host.folder / "images.json").read_text())
    assert images["helper:1.1.0"]["commit"] == deployed.house.git("rev-parse", "HEAD")
