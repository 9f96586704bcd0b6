"""What monitoring is told: the promises of `agent.yaml`, and who hears of an alert."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from mlws_scaffold.agents.catalog import Agent
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.workspace.config import Alerts
from mlws_scaffold.workspace.layout import CONFIG

SLO = "monitoring/slo.yml"
# git ignores every .env.*; an address to post to is a secret.
RECEIVERS = ".env.alertmanager.yml"
_UNITS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_HEAD = """\
# What `slo` of agent.yaml promises, as series that rules.yml compares with; a test compares the
# files. `mlws agent up --monitoring` writes this file: change agent.yaml instead.
groups:
  - name: agent-slo
    rules:"""


def seconds(text: str | float) -> float:
    """A time such as `500ms`, `30s`, `2m` or a plain number of seconds. Raises MlwsError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?) *(ms|s|m|min|h|)", str(text).strip())
    value = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if value <= 0:
        raise MlwsError(
            f"agent.yaml: slo.latency_p95: {text!r} is no time", "write it as 30s or 500ms"
        )
    return value


def slo(agent: Agent) -> str:
    """The text of `slo.yml`; a promise that is not made has no series, so its alert is silent."""
    promised: dict[str, float] = {}
    if agent.slo and agent.slo.latency_p95 is not None:
        promised["agent:slo_latency_p95_seconds"] = seconds(agent.slo.latency_p95)
    if agent.slo and agent.slo.error_rate is not None:
        promised["agent:slo_error_ratio"] = agent.slo.error_rate
    if not promised:
        return f"{_HEAD} []\n"
    records = [
        f"      - record: {name}\n        expr: vector({value:.12g})"
        for name, value in promised.items()
    ]
    return "\n".join([_HEAD, *records]) + "\n"


def receivers(alerts: Alerts, environment: Mapping[str, str]) -> str | None:
    """Alertmanager's configuration for `[alerts]`, None when nobody is to be told.

    It holds the secret address that the variable `url_env` has. Raises MlwsError when that is
    missing or does not fit the receiver.
    """
    if not alerts.receiver:
        return None
    if not alerts.to.isprintable():
        raise MlwsError(
            f"[alerts] of {CONFIG}: `to` holds signs that nobody can see", "type it again"
        )
    address = environment.get(alerts.url_env, "") if alerts.url_env else ""
    if not address and alerts.receiver == "webhook" and _is_page(alerts.to):
        address = alerts.to
    if not address:
        variable = alerts.url_env or "a variable named by url_env"
        raise MlwsError(
            f"[alerts] of {CONFIG}: no address for {alerts.receiver}: {variable} is not set",
            f"export {alerts.url_env or 'NAME'}=… and name it in url_env",
        )
    if alerts.receiver == "email":
        told = {"email_configs": [_mail(alerts.to, address)]}
    elif not _is_page(address):
        raise MlwsError(f"{alerts.url_env} holds no address of a page", "it begins with https://")
    elif alerts.receiver == "slack":
        text = (
            "{{ range .Alerts }}{{ .Annotations.summary }} ({{ .Annotations.runbook }})\n{{ end }}"
        )
        title = "{{ .CommonLabels.agent }}: {{ .CommonLabels.alertname }} {{ .Status }}"
        slack = {"api_url": address, "title": title, "text": text, "send_resolved": True}
        told = {"slack_configs": [{**slack, **({"channel": alerts.to} if alerts.to else {})}]}
    else:
        told = {"webhook_configs": [{"url": address, "send_resolved": True}]}
    route = {
        "receiver": "team",
        "group_by": ["agent", "alertname"],
        "group_wait": "30s",
        "group_interval": "5m",
        "repeat_interval": "4h",
        "routes": [{"receiver": "team", "matchers": ['severity="info"'], "repeat_interval": "24h"}],
    }
    config = {"route": route, "receivers": [{"name": "team", **told}]}
    # JSON is YAML: nothing that somebody typed can break out of its quotes.
    text = json.dumps(config, indent=2, ensure_ascii=False)
    return f"# Made from [alerts] of {CONFIG}; holds a secret.\n{text}\n"


def _is_page(text: str) -> bool:
    return urlsplit(text).scheme in ("http", "https") and bool(urlsplit(text).hostname)


def _mail(to: str, address: str) -> dict[str, object]:
    parts = urlsplit(address)
    if "@" not in to or parts.scheme != "smtp" or not parts.hostname:
        raise MlwsError(
            f"[alerts] of {CONFIG}: mail needs `to` with an address and a server in url_env",
            "url_env names a variable such as smtp://user:password@mail.example.org:587",
        )
    user = unquote(parts.username or "")
    told: dict[str, object] = {
        "to": to,
        "from": user if "@" in user else to,
        "smarthost": f"{parts.hostname}:{parts.port or 587}",
        "send_resolved": True,
    }
    if user:
        told |= {"auth_username": user, "auth_password": unquote(parts.password or "")}
    return told
