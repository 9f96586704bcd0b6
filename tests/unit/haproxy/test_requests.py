"""Lines of HAProxy's ring as values."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlws_scaffold.adapters.haproxy.requests import Request, parse, since
from mlws_scaffold.adapters.haproxy.runtime import Mark


def line(**other: object) -> str:
    said = {"n": 7, "p": 100, "t": 1795556622, "s": "b", "st": 200, "Tc": 0, "Tr": 126}
    return json.dumps({**said, "Ta": 640, "ts": "--", "rc": "0", "m": "POST", **other})


def one(**other: object) -> Request:
    (found,) = parse(line(**other))
    return found


def test_a_line_is_a_request_in_seconds() -> None:
    assert one() == Request(
        100, 7, 1795556622, "b", 200, 0.126, 0.64, "--", redispatched=False, method="POST"
    )
    assert one(s="<NOSRV>", Tr=-1, st=503, ts="SC").slot == ""
    assert one(rc="+1").redispatched


@pytest.mark.parametrize(
    ("said", "failed"),
    [
        ({"st": 200}, False),
        ({"st": 500}, True),
        ({"st": 503, "ts": "SC"}, True),
        ({"st": 200, "ts": "SD"}, True),  # cut in mid-stream
        ({"st": 502, "ts": "SH"}, True),  # killed before it answered
        ({"st": 504, "ts": "sH"}, True),
        ({"st": 429}, False),
        ({"st": 404}, False),
        ({"st": 200, "ts": "CD"}, False),  # the caller left
        ({"st": -1, "ts": "CH", "Tr": -1}, False),
        ({"st": 499}, False),
        ({"st": 408, "ts": "cR"}, False),
    ],
)
def test_only_what_the_agent_did_is_a_failure(said: dict[str, object], failed: bool) -> None:
    assert one(**said).failed is failed


def test_notices_and_halves_of_lines_are_passed_over() -> None:
    said = "\n".join(["Server agent/a is DOWN.", line()[:40], line(n=8), "", "{}"])
    assert [found.number for found in parse(said)] == [8]


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    parse(text)
    parse("{" + text)


def test_a_mark_parts_what_began_before_from_what_began_after() -> None:
    lines = parse("\n".join([line(n=5), line(n=9), line(n=6), line(n=1, p=200)]))
    assert [(found.process, found.number) for found in since(lines, Mark(100, 6))] == [
        (100, 9),
        (100, 6),
        (200, 1),  # the proxy began anew
    ]
