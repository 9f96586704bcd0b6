"""The series of an agent, as the canary reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlws_scaffold.agents.watching.counters import Counters, parse, read
from mlws_scaffold.errors import Unavailable

TEXT = """\
# HELP agent_requests_total Chats
# TYPE agent_requests_total counter
agent_requests_total{status="200",stream="true"} 40.0
agent_requests_total{status="200",stream="false"} 2.0
agent_requests_total{status="500",stream="true"} 3.0
agent_requests_total{status="429",stream="true"} 7.0
agent_requests_total{status="499",stream="true"} 1.0
agent_requests_created{status="200",stream="true"} 1.79e+09
agent_time_to_first_token_seconds_bucket{le="0.1"} 30.0
agent_time_to_first_token_seconds_count 44.0
agent_inflight 2.0
agent_build_info{prompt="v3 \\"x\\"",version="1.4.0"} 1.0
"""


def test_only_errors_of_the_agent_count_as_errors() -> None:
    assert parse(TEXT) == Counters(chats=53, errors=3, firsts=44, running=2, version="1.4.0")


def test_the_names_are_those_of_the_rendered_telemetry() -> None:
    from pathlib import Path

    telemetry = Path(__file__).parents[4] / "templates/agent/src/agent/telemetry.py"
    text = telemetry.read_text()
    assert 'Counter("agent_requests", "Chats", ["status", "stream"]' in text
    assert '"agent_time_to_first_token_seconds"' in text
    assert 'Gauge("agent_inflight"' in text
    assert 'Gauge("agent_build_info", "Always 1", ["version", "prompt"]' in text


@given(st.text())
def test_any_other_text_is_told_as_unavailable_and_nothing_else(text: str) -> None:
    try:
        found = parse(text)
    except Unavailable:
        return
    assert found.chats >= 0


def test_what_is_no_agent_says_so() -> None:
    with pytest.raises(Unavailable, match="no series of an agent"):
        parse("python_info 1.0\n")
    assert read("http://127.0.0.1:9", timeout=0.5) is None
