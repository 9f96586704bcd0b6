"""What an agent counts itself: the series of its `/metrics`, which its telemetry names."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mlws_scaffold.adapters import http
from mlws_scaffold.errors import MlwsError, Unavailable

_SERIES = re.compile(r"([A-Za-z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Counters:
    """What one process counted since it began. 429 and 499 are no errors."""

    chats: int
    errors: int
    firsts: int
    running: int
    version: str


def read(address: str, timeout: float = 2.0) -> Counters | None:
    """The counters of the agent at `http://HOST:PORT`, None when it says none now."""
    try:
        reply = http.get(f"{address}/metrics", timeout)
        return parse(reply.body.decode("utf-8", "replace")) if reply.status == 200 else None
    except MlwsError:
        return None


def parse(text: str) -> Counters:
    """Read the text of `/metrics`. Raises Unavailable when it is not an agent's."""
    chats = errors = firsts = running = 0.0
    version, known = "", False
    for line in text.splitlines():
        found = _SERIES.match(line)
        if not found or line.startswith("#"):
            continue
        name, labels, value = found[1], dict(_LABEL.findall(found[2] or "")), _number(found[3])
        known = known or name.startswith("agent_")
        if name == "agent_requests_total":
            chats += value
            errors += value if labels.get("status", "").startswith("5") else 0.0
        elif name == "agent_time_to_first_token_seconds_count":
            firsts += value
        elif name == "agent_inflight":
            running = value
        elif name == "agent_build_info":
            version = labels.get("version", "")
    if not known:
        raise Unavailable("/metrics holds no series of an agent", "is it an agent's address?")
    return Counters(int(chats), int(errors), int(firsts), int(running), version)


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0 <= value < 1e15 else 0.0
