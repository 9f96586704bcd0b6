"""What monitoring is told: promises become series, `[alerts]` becomes a configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mlws_scaffold.agents import catalog
from mlws_scaffold.agents.catalog import Agent, Slo
from mlws_scaffold.agents.operations import monitoring
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.workspace.config import Alerts
from tests.support.rendering import ROOT, render

HOOK = "https://hooks.example.org/services/T0/B0/secret"


def _agent(slo: Slo | None) -> Agent:
    return Agent(name="helper", owner="ann", model="base", slo=slo)


def _config(alerts: Alerts, **environment: str) -> dict[str, Any]:
    text = monitoring.receivers(alerts, environment)
    assert text is not None
    return dict(yaml.safe_load(text))


def test_a_new_agent_has_the_file_that_up_would_write(tmp_path: Path) -> None:
    folder = render("agent", {"agent_name": "helper"}, tmp_path / "helper")
    written = monitoring.slo(catalog.load(folder))
    assert written == (folder / monitoring.SLO).read_text()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("30s", 30), ("2 min", 120), ("1.5m", 90), (4, 4), ("7", 7)],
)
def test_a_time_is_read_as_people_write_it(text: str | float, seconds: float) -> None:
    assert monitoring.seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["soon", "-5s", "0s", "5 days", "5s5", ""])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(MlwsError, match=r"latency_p95"):
        monitoring.seconds(text)


@given(st.floats(0, 1), st.floats(0.001, 3600))
def test_what_is_promised_is_what_prometheus_compares_with(ratio: float, latency: float) -> None:
    text = monitoring.slo(_agent(Slo(latency_p95=f"{latency:.6f}s", error_rate=ratio)))
    rules = yaml.safe_load(text)["groups"][0]["rules"]
    values = {rule["record"]: float(rule["expr"][len("vector(") : -1]) for rule in rules}
    assert values["agent:slo_error_ratio"] == pytest.approx(ratio)
    assert values["agent:slo_latency_p95_seconds"] == pytest.approx(latency, abs=1e-6)


@pytest.mark.parametrize("slo", [None, Slo()])
def test_no_promise_is_no_series(slo: Slo | None) -> None:
    assert yaml.safe_load(monitoring.slo(_agent(slo)))["groups"][0]["rules"] == []


def test_nobody_to_tell_is_no_configuration() -> None:
    assert monitoring.receivers(Alerts(), {"ALERTS_URL": HOOK}) is None


def test_each_receiver_gets_its_address_from_the_environment() -> None:
    slack = _config(Alerts("slack", "#agents", "ALERTS_URL"), ALERTS_URL=HOOK)
    assert slack["receivers"][0]["slack_configs"][0]["api_url"] == HOOK
    assert slack["receivers"][0]["slack_configs"][0]["channel"] == "#agents"
    hook = _config(Alerts("webhook", "", "ALERTS_URL"), ALERTS_URL=HOOK)
    assert hook["receivers"][0]["webhook_configs"] == [{"url": HOOK, "send_resolved": True}]
    open_hook = _config(Alerts("webhook", "http://127.0.0.1:9/alert"))
    assert open_hook["receivers"][0]["webhook_configs"][0]["url"] == "http://127.0.0.1:9/alert"
    server = "smtp://ann%40example.org:p%40ss@mail.example.org:2525"
    mail = _config(Alerts("email", "team@example.org", "ALERTS_URL"), ALERTS_URL=server)
    assert mail["receivers"][0]["email_configs"] == [
        {
            "to": "team@example.org",
            "from": "ann@example.org",
            "smarthost": "mail.example.org:2525",
            "send_resolved": True,
            "auth_username": "ann@example.org",
            "auth_password": "p@ss",
        }
    ]


@pytest.mark.parametrize(
    ("alerts", "value"),
    [
        (Alerts("slack", "#agents"), HOOK),  # no variable is named
        (Alerts("slack", "#agents", "OTHER"), HOOK),  # another one is set
        (Alerts("slack", "#agents", "ALERTS_URL"), "secret"),
        (Alerts("slack", "#a\x85b", "ALERTS_URL"), HOOK),
        (Alerts("email", "team", "ALERTS_URL"), "smtp://mail.example.org"),
        (Alerts("email", "team@example.org", "ALERTS_URL"), HOOK),
    ],
)
def test_an_address_that_does_not_fit_is_refused_without_being_shown(
    alerts: Alerts, value: str
) -> None:
    with pytest.raises(MlwsError) as refused:
        monitoring.receivers(alerts, {"ALERTS_URL": value})
    assert refused.value.cure
    assert HOOK not in f"{refused.value.message} {refused.value.cure}"


@given(st.text(max_size=40).filter(str.isprintable))
def test_nothing_that_is_typed_breaks_out_of_its_quotes(channel: str) -> None:
    made = _config(Alerts("slack", channel, "A"), A=HOOK)
    assert made["receivers"][0]["slack_configs"][0].get("channel", "") == channel


def test_the_dashboard_and_the_compose_file_name_what_exists() -> None:
    """Each file that is mounted is there, and each image has a version."""
    folder = ROOT / "templates/agent"
    services = yaml.safe_load((folder / "compose.yaml").read_text())["services"]
    for name in ("prometheus", "alertmanager", "grafana"):
        service = services[name]
        assert service["profiles"] == ["monitoring"]
        assert service["image"].rpartition(":")[2] not in ("", "latest")
        mounted = [volume.split(":")[0] for volume in service["volumes"] if volume[0] == "."]
        assert all((folder / path).is_file() for path in mounted)
    for service in services.values():
        assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", ()))
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    assert services["agent"]["read_only"] is True
    dashboard = json.loads((folder / "monitoring/grafana/dashboard.json").read_text())
    source = yaml.safe_load((folder / "monitoring/grafana/datasource.yml").read_text())
    uid = source["datasources"][0]["uid"]
    assert {panel["datasource"]["uid"] for panel in dashboard["panels"]} == {uid}
