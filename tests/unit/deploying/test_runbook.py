"""The commands of an agent's RUNBOOK do what it says they do."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.support.canary_lab import traffic
from tests.support.deployed import Deployed

pytestmark = pytest.mark.slow

TEMPLATES = Path(__file__).parents[3] / "templates"
RUNBOOK = TEMPLATES / "agent/RUNBOOK.md"


def commands(heading: str) -> list[list[str]]:
    """The commands of a section, without `mlws agent` and with the agent's name."""
    section = RUNBOOK.read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```bash\n(.*?)```", section, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line]
    assert all(line.startswith("mlws agent ") for line in lines)
    return [shlex.split(line.replace("NAME", "helper"))[2:] for line in lines]


def test_the_section_on_deploying_and_the_one_on_going_back(deployed: Deployed) -> None:
    deployed.mlws("deploy", "helper")
    deployed.house.commit("1.1.0")

    said = []
    with traffic.steady(deployed.house.port, 80.0) as load:
        for words in commands("Deploy"):
            said.append(deployed.mlws(*words))
        assert deployed.running == ["slot-b", "proxy"]
        for words in commands("Go back"):
            said.append(deployed.mlws(*words))
    plan, staged, deploy, status, history, back = said

    assert "gate   test: ok" in plan
    assert "7. drain" in plan
    assert "1.1.0 serves all of staging" in staged
    assert "1.1.0 serves all of production" in deploy
    assert re.search(r"helper +production +stable +1\.1\.0 +100 +ready", status)
    assert "shorter answers" in history
    assert "1.0.0 serves all of production" in back
    assert load.failed == []


def test_the_section_on_an_interrupted_deployment(deployed: Deployed) -> None:
    deployed.mlws("deploy", "helper")
    ends = {"--resume": ["1.1.0", "done"], "--abort": ["1.2.0", "aborted"]}
    for version, words in zip(
        ("1.1.0", "1.2.0"), commands("A deployment was interrupted"), strict=True
    ):
        deployed.house.commit(version)
        deployed.quick("deploy", "helper", dies_at=20)
        deployed.mlws("deploy", "helper", status=1)  # refuses, and says which two there are
        with traffic.steady(deployed.house.port, 80.0):
            deployed.mlws(*words)
        record = deployed.house.records()[-1]
        assert [record["version"], record["result"]] == ends[words[-1]]
