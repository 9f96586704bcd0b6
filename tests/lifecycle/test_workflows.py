"""A workspace's workflows, run: what a pull request tests, and every step on the way to users."""

from __future__ import annotations

import json
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

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]
services = pytest.mark.services
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


def _keys(path: Path) -> set[str]:
    """Every `run:` step of a workflow."""
    return {
        f"{path.stem}/{name}/{number}"
        for name, job in load(path)["jobs"].items()
        for number, step in enumerate(job["steps"], 1)
        if "run" in step
    }


def _require_all(house: House, done: list[Ran]) -> None:
    """Nothing failed, and of each workflow that ran every step was executed, in one run or more."""
    for ran in done:
        assert "failure" not in ran.results().values(), ran.said()
    executed = set().union(*(ran.executed for ran in done))
    known = {path.stem: _keys(path) for path in house.workflows}
    wanted = set().union(*(known[ran.workflow] for ran in done))
    print("\n".join(sorted(executed)))
    assert executed == wanted, f"never executed: {sorted(wanted - executed)}"


@services
def test_every_step_for_a_pull_request_from_a_fork_and_after_its_merge(house: House) -> None:
    event = house.pull_request(
        "agents/production/helper/README.md", f"{workflow_house.EXPERIMENT}/README.md"
    )
    assert not event.secrets
    done = [house.ran(name, event) for name in ("experiment-validation", "agent-tests", "security")]
    summary = "".join(leg.summary for leg in done[0].jobs["rules"].legs)
    assert summary.startswith("### Rules of the workspace")
    assert done[1].results()["integration"] == "skipped"
    done.append(_reviewed(house))
    before = house.git("rev-parse", "main")
    (house.root / "agents/production/helper/NOTES.md").write_text("Better.\n")
    house.commit("Make it better")
    done.append(house.ran("agent-tests", house.push(before), "changed", "integration"))
    tested = next(step for step in done[-1].steps if step.key == "agent-tests/integration/5")
    assert "2 passed" in tested.output, tested.output
    _require_all(house, done)


def _reviewed(house: House) -> Ran:
    """One approval of somebody else in the team, which a change of a page needs."""
    team = "".join(f'[team.{name}]\ngithub = "{name}"\n' for name in ("ann", "bob"))
    rules = f'[workspace]\nname = "demo"\n{team}'
    with fake_github.serving(FakeGitHub(config=rules)) as github:
        github.review("bob")
        github.change("docs/notes.md")
        house.runner.token = fake_github.TOKEN
        event = house.pull_request("docs/notes.md")
        payload = {**event.payload, "action": "submitted"}
        event = replace(event, name="pull_request_review", payload=payload)
        extra = {"GITHUB_API_URL": github.address, "GITHUB_REPOSITORY": "acme/ml"}
        return house.ran("approvals", event, **extra)


@services
def test_every_step_from_the_merge_to_users(house: House) -> None:
    """Tagged and started, built once, attested, deployed by HAProxy and processes, recorded."""
    if shutil.which("haproxy") is None and not Path("/usr/sbin/haproxy").exists():
        pytest.skip("haproxy is not installed")
    done = [house.ran("deploy-production", replace(house.push(), secrets=SECRETS))]
    log = house.runner.log
    started = [call.words[-1] for call in records.calls(log, "gh") if call.words[0] == "workflow"]
    assert started == [f"agents/{name}/v0.1.0" for name in AGENTS]
    keys = house.root.parent / "keys"
    keys.write_text(f"{SECRETS['SMOKE_KEY']}\n")
    smoke = {"SMOKE_URL": f"http://127.0.0.1:{house.production_port}"}
    commit = house.git("rev-parse", "main")
    event = Event("workflow_dispatch", f"refs/tags/{TAG}", commit, secrets=SECRETS, variables=smoke)
    with workflow_house.model_server() as address:
        extra = {"OLLAMA_HOST": address, "API_KEYS_FILE": str(keys)}
        done.append(house.ran("deploy-production", event, **extra))
    _require_all(house, done)
    pushed = [call.words for call in records.calls(log, "docker") if call.words[0] == "push"]
    assert pushed == [["push", "registry.example.org/acme/helper:0.1.0"]], "built and pushed once"
    mirrored = _mirrored(house)
    assert [(one["environment"], one["result"]) for one in mirrored] == [
        ("staging", "done"),
        ("production", "done"),
    ]
    assert {one["commit"] for one in mirrored} == {commit}


@services
def test_a_version_that_does_not_start_reaches_no_user_and_is_recorded(house: House) -> None:
    """No API key on the staging host: staging takes it back, production never begins."""
    house.push()
    house.git("tag", TAG)
    house.git("push", "--quiet", "origin", TAG)
    event = Event("push", f"refs/tags/{TAG}", house.git("rev-parse", "main"), secrets=SECRETS)
    ran = house.ran("deploy-production", event)
    results = ran.results()
    assert (results["staging"], results["production"]) == ("failure", "skipped"), ran.said()
    assert results["record"] == "success", ran.said()
    assert [one["result"] for one in _mirrored(house)] == ["aborted"]


def _mirrored(house: House) -> list[dict[str, str]]:
    """The records in the pull request."""
    branch = "origin/deployments/helper-0.1.0-77"
    house.git("fetch", "--quiet", "origin")
    text = house.git("show", f"{branch}:agents/production/{AGENTS[0]}/deployments.jsonl")
    return [json.loads(line) for line in text.splitlines()]


@services
def test_every_step_that_the_clock_starts(house: House, template: Path) -> None:
    workflow_house.release(template, "v99.0.0")
    event = Event(
        "schedule",
        "refs/heads/main",
        house.git("rev-parse", "main"),
        secrets=SECRETS,
        variables={"MODEL_RUNNER": "gpu3", "UPDATE_APP_ID": "7"},
    )
    with workflow_house.model_server() as address:
        extra = {"OLLAMA_HOST": address, "MLWS_MODELS_HOST": address}
        done = [house.ran(name, event, **extra) for name in ("nightly", "security")]
    done.append(house.ran("template-update", event))
    _require_all(house, done)
    created = [
        call.words for call in records.calls(house.runner.log, "gh") if "create" in call.words
    ]
    assert len(created) == 1
    branch = created[0][created[0].index("--head") + 1]
    house.git("fetch", "--quiet", "origin")
    assert "# Of v99.0.0." in house.git("show", f"origin/{branch}:.github/workflows/nightly.yml")


def test_no_workflow_is_left_out_of_the_tests_above(house: House) -> None:
    text = Path(__file__).read_text()
    assert [path.stem for path in house.workflows if f'"{path.stem}"' not in text] == []
