"""How long an agent was up in the period: asked of the Prometheus that `[reports]` names."""

from __future__ import annotations

import json
import math
from urllib.parse import urlencode

from mlws_scaffold.adapters import http
from mlws_scaffold.errors import Unavailable
from mlws_scaffold.team.snapshot.period import Period
from mlws_scaffold.workspace.config import Workspace

_UNSET = "[reports] prometheus names no server"
_SECONDS = 5.0


def of(place: Workspace, period: Period, agent: str) -> tuple[float | None, str]:
    """The share of scrapes in the period that the agent answered, and why there is none."""
    base = place.config.reports.prometheus.rstrip("/")
    if not base:
        return None, _UNSET
    name = json.dumps(agent)
    window = max(1, round(period.seconds))
    query = f"avg(avg_over_time(up{{agent={name}}}[{window}s]))"
    asked = urlencode({"query": query, "time": f"{period.until.timestamp():.0f}"})
    try:
        reply = http.get(f"{base}/api/v1/query?{asked}", _SECONDS)
    except Unavailable as error:
        return None, error.message
    if reply.status != 200:
        return None, f"{base} answers {reply.status}"
    try:
        found = json.loads(reply.body)["data"]["result"]
        value = float(found[0]["value"][1]) if found else math.nan
    except (ValueError, KeyError, IndexError, TypeError):
        return None, f"{base} answers something else than a Prometheus does"
    if not math.isfinite(value):
        return None, f'{base} has no series up{{agent="{agent}"}} in this time'
    return value, ""
