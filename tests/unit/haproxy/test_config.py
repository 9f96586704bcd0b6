"""The configuration as text: what is never missing and what is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlws_scaffold.adapters.haproxy.config import Proxy, Server, text
from mlws_scaffold.errors import MlwsError

PROXY = Proxy(
    listen_host="127.0.0.1",
    listen_port=8080,
    ops_port=8081,
    socket=Path("/run/haproxy/admin.sock"),
    servers=(
        Server("a", "127.0.0.1", 18101, 90, enabled=True),
        Server("b", "127.0.0.1", 18102, 10, enabled=True),
    ),
)


@pytest.mark.parametrize(
    "line",
    [
        "option http-no-delay",
        "balance roundrobin",
        "retry-on conn-failure",
        "option redispatch 1",
        "log ring@requests len 1024 local0",
        "server a 127.0.0.1:18101 weight 90",
        "server b 127.0.0.1:18102 weight 10",
    ],
)
def test_what_was_measured_to_be_needed_is_there(line: str) -> None:
    assert re.search(rf"^ +{re.escape(line)}$", text(PROXY), re.MULTILINE)


def test_what_was_measured_to_harm_is_not_there() -> None:
    directives = "\n".join(
        line for line in text(PROXY).splitlines() if not line.lstrip().startswith("#")
    )
    for word in ("leastconn", "slowstart", "all-retryable", "empty-response", "server-state-file"):
        assert word not in directives


def test_a_closed_slot_has_no_weight_and_a_drained_one_is_open() -> None:
    closed = replace(PROXY.servers[1], weight=50, enabled=False)
    drained = replace(PROXY.servers[0], weight=0)
    lines = text(replace(PROXY, servers=(drained, closed))).splitlines()
    assert "    server a 127.0.0.1:18101 weight 0" in lines
    assert "    server b 127.0.0.1:18102 weight 0 disabled" in lines


def test_names_are_looked_up_only_where_there_is_somebody_to_ask() -> None:
    assert "resolve" not in text(PROXY)
    named = replace(PROXY, resolvers="127.0.0.11:53", ops_port=None)
    assert "nameserver dns 127.0.0.11:53" in text(named)
    assert "init-addr last,libc,none" in text(named)
    assert "frontend ops" not in text(named)


@given(st.text(min_size=1))
def test_no_name_adds_a_line_or_a_word(name: str) -> None:
    server = Server(name, name, 18101, 1, enabled=True)
    try:
        written = text(replace(PROXY, servers=(server,)))
    except MlwsError:
        return
    assert len(written.splitlines()) == len(text(PROXY).splitlines()) - 1
    assert f"    server {name} {name}:18101 weight 1" in written.splitlines()


@pytest.mark.parametrize(
    "servers",
    [
        (Server("a", "127.0.0.1", 0, 1, enabled=True),),
        (Server("a", "127.0.0.1", 18101, 257, enabled=True),),
        (Server("a", "127.0.0.1", 18101, -1, enabled=True),),
        (PROXY.servers[0], PROXY.servers[0]),
    ],
)
def test_what_haproxy_could_not_take_is_refused_here(servers: tuple[Server, ...]) -> None:
    with pytest.raises(MlwsError):
        text(replace(PROXY, servers=servers))
    with pytest.raises(MlwsError, match="socket"):
        text(replace(PROXY, socket=Path("/a b/admin.sock")))
