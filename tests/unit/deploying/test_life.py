"""Deployments on real processes behind a real HAProxy, while callers keep asking."""

from __future__ import annotations

import json

import pytest

from tests.support.canary_lab import traffic
from tests.support.deployed import Deployed

RATE = 80.0


def deploy_beside(deployed: Deployed, fault: str) -> None:
    deployed.mlws("deploy", "helper")
    deployed.house.commit("1.1.0", fault)


def test_a_good_version_takes_over_and_no_caller_notices(deployed: Deployed) -> None:
    deploy_beside(deployed, "")

    with traffic.steady(deployed.house.port, RATE) as load:
        deployed.mlws("deploy", "helper", "--steps", "50,100", "--reason", "shorter answers")
        assert deployed.running == ["slot-b", "proxy"]
        deployed.mlws("rollback", "helper")

    assert load.failed == []
    assert set(load.by_version()) == {"1.0.0", "1.1.0"}
    assert traffic.served_twice(deployed.house.lab) == []
    records = deployed.house.records()
    assert [(one["action"], one["version"], one["result"]) for one in records] == [
        ("deploy", "1.0.0", "done"),
        ("deploy", "1.1.0", "done"),
        ("rollback", "1.0.0", "done"),
    ]
    deploy = records[1]
    assert (deploy["by"], deploy["from"], deploy["reason"]) == ("ann", "1.0.0", "shorter answers")
    assert deploy["commit"] == deployed.house.git("rev-parse", "HEAD")
    assert (deploy["model"], deploy["model_digest"]) == ("base", "sha256:aaaa")
    assert [(one["percent"], one["failed"]) for one in deploy["steps"]] == [(50, 0), (99, 0)]
    assert all(one["requests"] >= 50 for one in deploy["steps"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("hidden", "chats failed"),
        ("errors", "chats failed"),
        ("slow", "began later than"),
        ("dies", "the canary is gone"),
        ("exits", "the configuration is wrong"),
    ],
)
def test_a_bad_version_is_taken_back_and_costs_only_its_own_requests(
    deployed: Deployed, fault: str, why: str
) -> None:
    deploy_beside(deployed, fault)

    with traffic.steady(deployed.house.port, RATE) as load:
        said = deployed.mlws("deploy", "helper", "--steps", "50,100", "--json", status=1)

    outcome = json.loads(said)
    assert (outcome["result"], outcome["stable"]) == ("aborted", "1.0.0")
    assert why in outcome["reason"]
    # 502: the proxy speaks for a process that died with the request; it is never repeated.
    assert {one.version or one.status for one in load.failed} <= {"1.1.0", 502}
    assert traffic.served_twice(deployed.house.lab) == []
    assert deployed.running == ["slot-a", "proxy"]
    assert deployed.house.records()[-1]["reason"] == outcome["reason"]
    with traffic.steady(deployed.house.port, RATE) as after:
        deployed.mlws("status", "helper")
    assert set(after.by_version()) == {"1.0.0"}


def test_a_version_that_is_never_ready_gets_no_request(deployed: Deployed) -> None:
    config = deployed.house.root / "mlws.toml"
    deploy_beside(deployed, "never-ready")
    config.write_text(config.read_text().replace("limit_seconds = 60", "limit_seconds = 2"))

    with traffic.steady(deployed.house.port, 20.0) as load:
        deployed.mlws("deploy", "helper", status=1)

    assert load.failed == []
    assert set(load.by_version()) == {"1.0.0"}
    assert "not ready after 2 s" in str(deployed.house.records()[-1]["reason"])


def test_a_stage_without_traffic_is_taken_back_at_its_limit(deployed: Deployed) -> None:
    deploy_beside(deployed, "")
    config = deployed.house.root / "mlws.toml"
    config.write_text(config.read_text().replace("limit_seconds = 60", "limit_seconds = 2"))

    deployed.mlws("deploy", "helper", status=1)

    assert "no verdict within 2 s" in str(deployed.house.records()[-1]["reason"])
    assert deployed.running == ["slot-a", "proxy"]


def test_in_staging_where_nobody_asks_a_version_needs_no_traffic(deployed: Deployed) -> None:
    deployed.mlws("deploy", "helper", "--env", "staging")
    deployed.house.commit("1.1.0")

    deployed.mlws("deploy", "helper", "--env", "staging")

    record = deployed.house.records()[-1]
    assert (record["environment"], record["version"]) == ("staging", "1.1.0")
    assert (record["result"], record["steps"]) == ("done", [])
    deployed.house.commit("1.2.0", "exits")
    deployed.mlws("deploy", "helper", "--env", "staging", status=1)
    assert json.loads(deployed.mlws("status", "helper", "--env", "staging", "--json"))
