"""A workspace's workflows, run: what a pull request tests, and every step on the way to users."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import fake_github, workflow_house
from tests.support.fake_github import FakeGitHub
from tests.support.workflow_house import AGENTS, House
from tests.support.workflow_runner import records
from tests.support.workflow_runner.records import Event, Ran
from tests.support.workflow_runner.runner import load

pytestmark = pytest.mark.slow
TAG = f"agents/{AGENTS[0]}/v0.1.0"
SECRETS = {
    "REGISTRY_USERNAME": "robot",
    "REGISTRY_PASSWORD": "p",
    "DEPLOY_SSH_KEY": "a key",
    "DEPLOY_KNOWN_HOSTS": "a host",
    "DEPLOY_KUBECONFIG": "a cluster",
    "SMOKE_KEY": "a-key-of-this-house",
    "UPDATE_APP_KEY": "a key",
}


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


@pytest.fixture(scope="module")
def template(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of its own, since a newer version is released in it."""
    return Path(shutil.copytree(clone, tmp_path_factory.mktemp("template") / "mlws-scaffold"))


@pytest.fixture
def house(template: Path, tmp_path: Path) -> Iterator[House]:
    with workflow_house.built(tmp_path, template, _free_ports()) as made:
        yield made


def _matrix(ran: Ran, job: str = "test") -> list[str]:
    return [leg.matrix["agent"] for leg in ran.jobs[job].legs]


def test_a_pull_request_tests_what_it_touches_and_no_more(house: House) -> None:
    one = house.pull_request("agents/production/planner/README.md")
    ran = house.ran("agent-tests", one, "changed")
    assert _matrix(ran) == ["planner"], ran.said()
    all_of_them = house.pull_request("shared/tools/src/shared_tools/configuration.py")
    ran = house.ran("agent-tests", all_of_them, "changed")
    assert _matrix(ran) == list(AGENTS), ran.said()
    none = house.pull_request("docs/adrs/0001-one-repository-for-the-team.md")
    ran = house.ran("agent-tests", none, "changed", "gate")
    assert ran.results() == {
        "changed": "success",
        "test": "skipped",
        "integration": "skipped",
        "gate": "success",
    }


def test_the_gate_fails_when_anything_else_did(house: House) -> None:
    event = house.pull_request("agents/production/planner/README.md")
    # `test` is left out, so it did not succeed; the gate has to say so.
    ran = house.ran("agent-tests", event, "changed", "gate")
    assert ran.jobs["gate"].result == "failure"
    unknown = replace(event, payload={"pull_request": {"base": {"sha": "no-such-branch"}}})
    ran = house.ran("agent-tests", unknown, "changed", "test", "integration", "gate")
    assert ran.results() == {
        "changed": "failure",
        "test": "skipped",
        "integration": "skipped",
        "gate": "failure",
    }


def _keys(house: House) -> set[str]:
    """Every `run:` step of every workflow."""
    return {
        f"{path.stem}/{name}/{number}"
        for path in house.workflows
        for name, job in load(path)["jobs"].items()
        for number, step in enumerate(job["steps"], 1)
        if "run" in step
    }


def _pull_requests(house: House) -> Iterator[Ran]:
    """From a fork: no secret at all."""
    event = house.pull_request(
        "agents/production/helper/README.md", f"{workflow_house.EXPERIMENT}/README.md"
    )
    assert not event.secrets
    for workflow in ("experiment-validation", "agent-tests", "security"):
        yield house.ran(workflow, event)


def _review(house: House) -> Iterator[Ran]:
    """Nobody but the author is in the team: that is a warning, and no reason to wait for ever."""
    with fake_github.serving(FakeGitHub()) as github:
        github.change("docs/notes.md")
        house.runner.token = fake_github.TOKEN
        event = house.pull_request("docs/notes.md")
        payload = {**event.payload, "action": "submitted"}
        event = replace(event, name="pull_request_review", payload=payload)
        extra = {"GITHUB_API_URL": github.address, "GITHUB_REPOSITORY": "acme/ml"}
        yield house.ran("approvals", event, **extra)


def _merge(house: House) -> Iterator[Ran]:
    before = house.git("rev-parse", "main")
    (house.root / "agents/production/helper/NOTES.md").write_text("Better.\n")
    house.commit("Make it better")
    yield house.ran("agent-tests", house.push(before), "changed", "integration")
    yield house.ran("deploy-production", replace(house.push(before), secrets=SECRETS))


def _deployment(house: House, address: str, smoke_url: str) -> Iterator[Ran]:
    keys = house.root.parent / "keys"
    keys.write_text(f"{SECRETS['SMOKE_KEY']}\n")
    commit = house.git("rev-parse", "main")
    started = Event(
        "workflow_dispatch",
        f"refs/tags/{TAG}",
        commit,
        secrets=SECRETS,
        variables={"SMOKE_URL": smoke_url},
    )
    extra = {"OLLAMA_HOST": address, "API_KEYS_FILE": str(keys)}
    yield house.ran("deploy-production", started, **extra)


def _by_clock(house: House, address: str) -> Iterator[Ran]:
    event = Event(
        "schedule",
        "refs/heads/main",
        house.git("rev-parse", "main"),
        secrets=SECRETS,
        variables={"MODEL_RUNNER": "gpu3", "UPDATE_APP_ID": "7"},
    )
    extra = {"OLLAMA_HOST": address, "MLWS_MODELS_HOST": address}
    yield house.ran("nightly", event, **extra)
    yield house.ran("security", event)
    yield house.ran("template-update", event)


@pytest.mark.services
def test_every_step_of_every_workflow_runs(house: House, template: Path) -> None:
    """From a pull request to users, and what happens by the clock; each step really executed."""
    if shutil.which("haproxy") is None and not Path("/usr/sbin/haproxy").exists():
        pytest.skip("haproxy is not installed")
    done: list[Ran] = [*_pull_requests(house), *_review(house), *_merge(house)]
    log = house.runner.log
    started = [call.words[-1] for call in records.calls(log, "gh") if call.words[0] == "workflow"]
    assert started == [f"agents/{name}/v0.1.0" for name in AGENTS]
    with workflow_house.model_server() as address:
        port = house.production_port
        done += _deployment(house, address, f"http://127.0.0.1:{port}")
        workflow_house.release(template, "v99.0.0")
        done += _by_clock(house, address)
    for ran in done:
        wrong = {name for name, result in ran.results().items() if result == "failure"}
        assert not wrong, ran.said()
    executed = set().union(*(ran.executed for ran in done))
    for key in sorted(executed):
        print(key)
    assert executed == _keys(house)
