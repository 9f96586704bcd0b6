"""Evidence from looks that overlap, and from an agent's own counters."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mlws_scaffold.adapters.haproxy.requests import Request
from mlws_scaffold.adapters.haproxy.runtime import ServerState
from mlws_scaffold.agents.watching.collecting import Collected
from mlws_scaffold.agents.watching.counters import Counters

UP = ServerState("b", "127.0.0.1:1", "UP", 10, 3, 0, 0, 0, 0, 0, "L7OK")
NONE = Counters(chats=0, errors=0, firsts=0, running=0, version="2.0")


def chat(number: int, slot: str = "b", status: int = 200) -> Request:
    return Request(1, number, 0, slot, status, 0.1, 0.5, "--", redispatched=False, method="POST")


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=10))
def test_however_looks_overlap_each_chat_counts_once(windows: list[tuple[int, int]]) -> None:
    seen = Collected("b", "a", 0.0)
    expected = set()
    for first, size in windows:
        numbers = range(first, first + size)
        expected |= set(numbers)
        seen.add(map(chat, numbers), [UP], None, alive=True, now=1.0)
    assert seen.evidence(1.0, None).canary.requests == len(expected)


def test_the_versions_are_kept_apart() -> None:
    seen = Collected("b", "a", 0.0)
    seen.add([chat(1), chat(2, "a"), chat(3, "a"), chat(4, "")], [UP], None, alive=True, now=1.0)
    evidence = seen.evidence(5.0, 0.2)
    assert (evidence.canary.requests, evidence.stable.requests) == (1, 2)
    assert (evidence.elapsed, evidence.earlier_p95) == (5.0, 0.2)


def test_an_error_inside_a_stream_counts_and_one_that_both_saw_counts_once() -> None:
    seen = Collected("b", "a", 0.0)
    seen.add([], [UP], replace(NONE, chats=40, errors=7), alive=True, now=1.0)  # of before
    assert seen.evidence(1.0, None).canary.failed == 0
    lines = [chat(1), chat(2), chat(3), chat(4, status=500)]
    seen.add(lines, [UP], replace(NONE, chats=44, errors=9), alive=True, now=2.0)
    canary = seen.evidence(2.0, None).canary
    assert (canary.hidden, canary.failed) == (1, 2)


def test_counters_that_fall_are_a_restart() -> None:
    seen = Collected("b", "a", 0.0)
    seen.add([], [UP], replace(NONE, chats=40, errors=2), alive=True, now=1.0)
    seen.add([], [UP], None, alive=True, now=2.0)
    assert seen.evidence(2.0, None).canary.restarts == 0
    seen.add([], [UP], replace(NONE, chats=1), alive=True, now=3.0)
    canary = seen.evidence(3.0, None).canary
    assert (canary.restarts, canary.hidden) == (1, 0)


def test_only_the_canary_itself_shows_that_it_moves() -> None:
    seen = Collected("b", "a", 0.0)
    seen.add([chat(1)], [UP], NONE, alive=True, now=10.0)
    seen.add([chat(1), chat(2, "a")], [UP], NONE, alive=True, now=40.0)
    assert seen.evidence(40.0, None).canary.quiet == 30.0
    seen.add([], [UP], replace(NONE, firsts=1), alive=True, now=50.0)  # an answer began
    assert seen.evidence(50.0, None).canary.quiet == 0.0
    seen.add([], [replace(UP, current=0)], NONE, alive=True, now=90.0)  # nobody waits
    assert seen.evidence(90.0, None).canary.quiet == 0.0


def test_a_dead_process_and_a_failed_check_are_the_same() -> None:
    for server, alive in ((UP, False), (replace(UP, status="DOWN"), True)):
        seen = Collected("b", "a", 0.0)
        seen.add([], [server], None, alive=alive, now=1.0)
        assert not seen.evidence(1.0, None).canary.alive
    seen.add([], [replace(UP, status="UP 1/2")], None, alive=True, now=2.0)
    assert seen.evidence(2.0, None).canary.alive
