"""The alerts of an agent under Prometheus's and Alertmanager's own tools."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from mlws_scaffold.agents.operations import monitoring
from mlws_scaffold.workspace.config import Alerts
from tests.support.rendering import ROOT

pytestmark = pytest.mark.services

AGENT = ROOT / "templates/agent"
HOOK = "https://hooks.example.org/services/T0/B0/secret"


def _run(*command: str, folder: Path = AGENT) -> str:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_rules_are_valid_and_pass_their_unit_tests() -> None:
    _run("promtool", "check", "config", "prometheus.yml", folder=AGENT / "monitoring")
    _run("promtool", "check", "rules", "monitoring/rules.yml", "monitoring/slo.yml")
    assert "SUCCESS" in _run("promtool", "test", "rules", "tests/monitoring/rules.test.yml")


@pytest.mark.parametrize(
    ("healthy", "broken"),
    [
        ('"5.."', '"4..|5.."'),  # refusals counted as errors
        ("* 300 >= 3", "* 300 >= 0"),  # a single failure wakes somebody
        ("agent:slo_latency_p95_seconds\n        for", "agent:slo_error_ratio\n        for"),
        ('status="429"', 'status="503"'),
        ("agent_ready == 0", "agent_ready == 1"),
        ('expr: up{job="agent"} == 0', 'expr: up{job="agent"} == 1'),
        ("[1h])) > 0", "[1h])) >= 0"),
    ],
)
def test_a_broken_rule_fails_the_unit_tests(healthy: str, broken: str, tmp_path: Path) -> None:
    """The unit tests can fail, and for each alert."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")
    for part in ("monitoring", "tests/monitoring"):
        shutil.copytree(AGENT / part, tmp_path / part)
    rules = tmp_path / "monitoring/rules.yml"
    text = rules.read_text()
    assert healthy in text
    rules.write_text(text.replace(healthy, broken))
    done = subprocess.run(
        ["promtool", "test", "rules", "tests/monitoring/rules.test.yml"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode != 0
    assert "FAILED" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("alerts", "address"),
    [
        (Alerts("slack", "#agents", "ALERTS_URL"), HOOK),
        (Alerts("webhook", "", "ALERTS_URL"), HOOK),
        (Alerts("email", "team@example.org", "ALERTS_URL"), "smtp://u:p@mail.example.org:587"),
    ],
)
def test_alertmanager_takes_what_is_made_of_the_configuration(
    alerts: Alerts, address: str, tmp_path: Path
) -> None:
    text = monitoring.receivers(alerts, {"ALERTS_URL": address})
    assert text is not None
    (tmp_path / "alertmanager.yml").write_text(text)
    assert "SUCCESS" in _run("amtool", "check-config", "alertmanager.yml", folder=tmp_path)
    routes = ("amtool", "config", "routes", "test", "--config.file=alertmanager.yml")
    assert "team" in _run(*routes, "severity=page", folder=tmp_path)


def test_alertmanager_takes_the_configuration_that_ships() -> None:
    assert "SUCCESS" in _run("amtool", "check-config", "monitoring/alertmanager.yml")
