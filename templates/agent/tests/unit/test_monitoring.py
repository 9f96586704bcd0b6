"""What is watched exists, what is promised is what is compared, and each alert has its section."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.probes import Readiness
from agent.runs import Slots
from agent.settings import Limits
from agent.telemetry import Metrics

HOME = Path(__file__).parents[2]
MONITORING = HOME / "monitoring"
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def rules(name: str) -> list[dict[str, Any]]:
    """Return all rules of a file."""
    groups = yaml.safe_load((MONITORING / name).read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    """Return the rules that raise an alert."""
    return [rule for rule in rules("rules.yml") if "alert" in rule]


def expressions() -> list[str]:
    """Return every expression that Prometheus is asked: rules and dashboard."""
    dashboard = json.loads((MONITORING / "grafana/dashboard.json").read_text(encoding="utf-8"))
    shown = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return [*(str(rule["expr"]) for rule in rules("rules.yml")), *shown]


def test_each_alert_has_its_section_in_the_runbook_and_each_section_its_alert() -> None:
    """Who is woken up finds what to do under the name of the alert."""
    text = (HOME / "RUNBOOK.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## (Agent\w+)$", text, re.MULTILINE)
    assert sections == [rule["alert"] for rule in alerts()]
    for rule in alerts():
        assert rule["annotations"]["runbook"] == f"RUNBOOK.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in {"page", "ticket", "info"}


def test_every_series_that_is_asked_for_exists() -> None:
    """A misspelt name is no error for Prometheus: the alert would stay silent for ever."""
    registry = Metrics(Slots(Limits()), "1.0", "abc").registry
    known = {"up", "ALERTS"}
    for family in registry.collect():
        suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
        known |= {family.name + end for end in suffixes.get(family.type, [""])}
    known |= {
        rule["record"]
        for name in ("rules.yml", "slo.yml")
        for rule in rules(name)
        if "record" in rule
    }
    named = r"(?<![\w\"~])(agent[_:][\w:]+|up|ALERTS)(?=[\s{\[)]|$)"
    asked = {name for text in expressions() for name in re.findall(named, text)}
    assert asked >= {"agent_requests_total", "agent_ready", "agent:slo_error_ratio", "up"}
    assert asked <= known


def test_the_alerts_compare_with_what_agent_yaml_promises() -> None:
    """`mlws agent up --monitoring` writes slo.yml; a promise changed by hand is found here."""
    slo = yaml.safe_load((HOME / "agent.yaml").read_text(encoding="utf-8")).get("slo") or {}
    promised = {}
    if (latency := slo.get("latency_p95")) is not None:
        found = re.fullmatch(r"([\d.]+) *([a-z]*)", str(latency))
        assert found, latency
        seconds = float(found[1]) * SECONDS[found[2] or "s"]
        promised["agent:slo_latency_p95_seconds"] = pytest.approx(seconds)
    if (ratio := slo.get("error_rate")) is not None:
        promised["agent:slo_error_ratio"] = pytest.approx(float(ratio))
    compared = {
        rule["record"]: float(rule["expr"].removeprefix("vector(").removesuffix(")"))
        for rule in rules("slo.yml")
    }
    assert compared == promised


def test_readiness_is_a_series_and_asks_the_model_server_when_it_is_read() -> None:
    """Nobody listens at port 9: not ready."""
    metrics = Metrics(Slots(Limits()), "1.0", "abc")
    readiness = Readiness("http://127.0.0.1:9", "m")
    metrics.ready.set_function(lambda: not readiness.look())
    assert metrics.registry.get_sample_value("agent_ready") == 0
