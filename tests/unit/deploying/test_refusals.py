"""What is not deployed, and why: nothing has changed afterwards."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.deployed import PROGRAM, Deployed


def untouched(deployed: Deployed) -> bool:
    return not list(deployed.state.glob("mlws/workspaces/*/deploy/*/*/journal.json"))


def test_a_commit_of_which_nothing_is_proved_is_not_deployed(deployed: Deployed) -> None:
    deployed.house.commit("1.1.0", proved=False)

    said = deployed.errors("deploy", "helper", status=1)

    assert "test: nothing is proved of commit" in said
    assert "eval: nothing is proved of commit" in said
    assert "mlws agent test helper; mlws agent eval helper --live" in said
    assert untouched(deployed)


@pytest.mark.parametrize(
    ("kind", "change", "why"),
    [
        ("test", {"ok": False}, "test: failed at"),
        ("eval", {"fake": True}, "a stand-in answered"),
        ("eval", {"digest": "sha256:bbbb"}, "answered by bbbb, while aaaa is in production"),
    ],
)
def test_evidence_that_does_not_prove_it_is_refused(
    deployed: Deployed, kind: str, change: dict[str, object], why: str
) -> None:
    (path,) = deployed.house.root.glob(f".mlws/evidence/*/production-helper-{kind}.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))

    assert why in deployed.errors("deploy", "helper", status=1)
    assert untouched(deployed)


def test_a_model_that_is_not_in_production_is_refused(deployed: Deployed) -> None:
    registry = deployed.house.root / "models/registry.yaml"
    registry.write_text("\n".join(registry.read_text().splitlines()[:-1]) + "\n")

    said = deployed.errors("deploy", "helper", status=1)

    assert "no version of base is in production" in said
    assert "mlws model promote base --to production" in said


def test_a_change_that_is_not_committed_is_refused(deployed: Deployed) -> None:
    (deployed.house.agent / "agent.yaml").write_text("name: helper\nowner: bob\nmodel: base\n")

    assert "uncommitted changes" in deployed.errors("deploy", "helper", status=1)


def test_answers_that_an_evaluation_wrote_down_are_no_change(deployed: Deployed) -> None:
    (deployed.house.agent / "tests/behaviour").mkdir(parents=True, exist_ok=True)
    (deployed.house.agent / "tests/behaviour/recordings.json").write_text("{}\n")

    assert "uncommitted" not in deployed.errors("deploy", "helper", "--dry-run", status=0)


def test_a_released_version_is_deployed_from_its_tag_whatever_lies_here(
    deployed: Deployed,
) -> None:
    deployed.house.git("tag", "agents/helper/v1.0.0")
    tagged = deployed.house.git("rev-parse", "HEAD")
    deployed.house.commit("1.1.0", proved=False)
    (deployed.house.agent / "agent.yaml").write_text("broken: [")
    deployed.house.git("checkout", "--", ".")

    outcome = json.loads(deployed.mlws("deploy", "helper", "--version", "v1.0.0", "--json"))

    assert outcome["stable"] == "1.0.0"
    assert outcome["record"]["commit"] == tagged
    assert "no version 9.9.9" in deployed.errors("deploy", "helper", "--version", "9.9.9", status=2)


def test_a_throwaway_runner_deploys_nothing_to_itself(deployed: Deployed) -> None:
    hosted = {"GITHUB_ACTIONS": "true", "RUNNER_ENVIRONMENT": "github-hosted"}

    said = deployed.errors("deploy", "helper", "--target", "compose", status=2, **hosted)

    assert "[deploy.production] of mlws.toml names no host" in said
    assert untouched(deployed)
    deployed.mlws("deploy", "helper", GITHUB_ACTIONS="true", RUNNER_ENVIRONMENT="self-hosted")


@pytest.mark.parametrize("steps", ["50,10", "0,50", "10,200", "ten", "10,10"])
def test_steps_that_do_not_rise_are_refused(deployed: Deployed, steps: str) -> None:
    assert "do not rise" in deployed.errors("deploy", "helper", "--steps", steps, status=2)


def test_two_deployers_do_not_work_at_the_same_time(deployed: Deployed) -> None:
    deployed.mlws("deploy", "helper")
    deployed.house.commit("1.1.0")
    first = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "agent", "deploy", "helper"],
        cwd=deployed.house.root, env=deployed.environment,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert first.stderr is not None
    while "10 % of the requests" not in first.stderr.readline():
        assert first.poll() is None

    second = deployed.errors("deploy", "helper", status=1)
    assert "another deployment of helper to production is running" in second
    (status,) = json.loads(deployed.mlws("status", "helper", "--json"))
    assert (status["under_way"]["step"], status["under_way"]["percent"]) == ("stages", 10)

    first.terminate()  # as by Ctrl-C: it takes back what it began
    assert first.wait(timeout=60) == 130
    assert deployed.house.records()[-1]["reason"] == "interrupted"
    assert deployed.running == ["slot-a", "proxy"]


def test_there_is_nothing_to_go_back_to_or_to_take_back(deployed: Deployed) -> None:
    deployed.mlws("deploy", "helper")

    assert "no version to go back to" in deployed.errors("rollback", "helper", status=2)
    assert "nothing is being deployed" in deployed.errors("deploy", "helper", "--abort", status=2)
    assert "serves already" in deployed.errors("deploy", "helper", status=2)
    assert "never served" in deployed.errors("rollback", "helper", "--to", "7.0.0", status=2)


def test_after_a_restart_of_the_machine_resume_starts_what_should_serve(
    deployed: Deployed,
) -> None:
    deployed.mlws("deploy", "helper")
    deployed.stop()
    deployed.mlws("status", "helper", status=4)

    deployed.mlws("deploy", "helper", "--resume")

    assert deployed.running == ["slot-a", "proxy"]
    (status,) = json.loads(deployed.mlws("status", "helper", "--json"))
    (stable,) = status["versions"]
    assert (stable["ready"], stable["weight"], stable["status"]) == (True, 100, "UP")


def test_the_mirror_in_git_may_be_lost_and_comes_back(deployed: Deployed) -> None:
    deployed.mlws("deploy", "helper")
    before = deployed.house.records()
    (deployed.house.agent / "deployments.jsonl").unlink()

    deployed.mlws("deploy", "helper", "--resume")

    assert deployed.house.records() == before


def test_a_broken_mirror_does_not_keep_a_rollback(deployed: Deployed) -> None:
    deployed.mlws("deploy", "helper")
    deployed.house.commit("1.1.0")
    deployed.quick("deploy", "helper")
    (deployed.house.agent / "deployments.jsonl").write_text("<<<<<<< HEAD\n")

    said = deployed.errors("rollback", "helper", status=0)

    assert "deployments.jsonl was not brought up to date" in said
    assert "is no record" in deployed.errors("history", "helper", status=1)


def test_a_canary_that_went_with_its_machine_is_taken_back(deployed: Deployed) -> None:
    deployed.mlws("deploy", "helper")
    deployed.house.commit("1.1.0")
    deployed.quick("deploy", "helper", dies_at=24)
    deployed.stop()

    deployed.mlws("deploy", "helper", "--resume", status=1)

    assert "does not run any more" in str(deployed.house.records()[-1]["reason"])
    assert deployed.running == ["slot-a", "proxy"]


def test_the_record_of_a_deployment_makes_no_change_of_the_agent(deployed: Deployed) -> None:
    deployed.mlws("deploy", "helper")
    assert deployed.house.git("status", "--porcelain") == (
        "?? agents/production/helper/deployments.jsonl"
    )
    deployed.house.prove()

    assert "serves already" in deployed.errors("deploy", "helper", status=2)
    plan = json.loads(deployed.mlws("deploy", "helper", "--dry-run", "--json"))
    assert [gate["ok"] for gate in plan["gates"]] == [True, True, True]
