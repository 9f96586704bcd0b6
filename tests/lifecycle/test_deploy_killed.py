"""A deployer that is killed: somebody serves all the while, and one command ends the matter."""

from __future__ import annotations

import time

import pytest

from tests.support.canary_lab import traffic
from tests.support.deployed import Deployed, deployed

__all__ = ["deployed"]

# All 50 acts take minutes; these are in front of and within each step of a deployment.
ACTS = (3, 13, 20, 28, 36, 41, 46, 49)
RATE = 40.0


@pytest.mark.slow
def test_resume_goes_on_wherever_the_deployer_was_killed(deployed: Deployed) -> None:
    deployed.quick("deploy", "helper")
    with traffic.steady(deployed.house.port, RATE) as load:
        for number, act in enumerate(ACTS):
            deployed.house.commit(f"2.{number}.0")
            deployed.quick("deploy", "helper", dies_at=act)
            deployed.quick("deploy", "helper", "--resume")
            record = deployed.house.records()[-1]
            assert (record["version"], record["result"]) == (f"2.{number}.0", "done"), act
            assert len(deployed.running) == 2, f"act {act}: {deployed.running}"

    assert load.failed == []
    assert traffic.served_twice(deployed.house.lab) == []


@pytest.mark.slow
def test_abort_takes_back_wherever_the_deployer_was_killed(deployed: Deployed) -> None:
    deployed.quick("deploy", "helper")
    with traffic.steady(deployed.house.port, RATE) as load:
        for number, act in enumerate(ACTS):
            deployed.house.commit(f"2.{number}.0")
            deployed.quick("deploy", "helper", dies_at=act)
            # The abort is killed as well, and what is left of it is then gone on with.
            deployed.quick("deploy", "helper", "--abort", dies_at=4 + number % 5)
            deployed.quick("deploy", "helper", "--resume", status=1)
            assert deployed.house.records()[-1]["result"] == "aborted", act
            assert len(deployed.running) == 2, f"act {act}: {deployed.running}"
        back = time.monotonic()
        time.sleep(0.5)

    assert set(load.by_version(back)) == {"1.0.0"}
    assert load.failed == []
    assert traffic.served_twice(deployed.house.lab) == []


@pytest.mark.slow
def test_a_rollback_that_was_killed_is_gone_on_with(deployed: Deployed) -> None:
    deployed.quick("deploy", "helper")
    deployed.house.commit("1.1.0")
    deployed.quick("deploy", "helper")
    with traffic.steady(deployed.house.port, RATE) as load:
        for act, wanted in ((8, "1.0.0"), (14, "1.1.0"), (20, "1.0.0")):
            deployed.quick("rollback", "helper", dies_at=act)
            deployed.quick("deploy", "helper", "--resume")
            record = deployed.house.records()[-1]
            ended = (record["action"], record["version"], record["result"])
            assert ended == ("rollback", wanted, "done"), act

    assert load.failed == []
    assert traffic.served_twice(deployed.house.lab) == []
