"""Canaries with each fault, real traffic, the real HAProxy: the verdict and what it cost."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlws_scaffold.adapters.haproxy.config import RING
from mlws_scaffold.adapters.haproxy.requests import parse, since
from mlws_scaffold.agents.watching import counters
from mlws_scaffold.agents.watching.collecting import Collected
from mlws_scaffold.agents.watching.judging import Verdict, judge
from mlws_scaffold.agents.watching.thresholds import Thresholds
from tests.support.canary_lab.house import House, house
from tests.support.canary_lab.traffic import served_twice, steady

pytestmark = pytest.mark.services

RULES = Thresholds(limit_seconds=60.0, stuck_seconds=2.0)


@pytest.fixture
def place() -> Iterator[House]:
    with tempfile.TemporaryDirectory(prefix="canary-") as folder, house(Path(folder)) as made:
        yield made


def watched(place: House, fault: str) -> Verdict:
    """The verdict on a version with a fault at 50 %; the abort that follows is done as well."""
    (place.folder / "faults.json").write_text(json.dumps({"2.0": fault}))
    place.start("a", "1.0")
    port = place.start("b", "2.0")
    place.open({"a": 50, "b": 50})

    mark, seen = place.runtime.mark(), Collected("b", "a", time.monotonic())
    begun = time.monotonic()
    with steady(place.port, 60) as traffic:
        while True:
            seen.add(
                since(parse(place.runtime.events(RING)), mark),
                place.runtime.servers(),
                counters.read(f"http://127.0.0.1:{port}"),
                alive=place.agents["b"].poll() is None,
                now=time.monotonic(),
            )
            verdict = judge(seen.evidence(time.monotonic() - begun, None), RULES)
            if verdict.act != "wait":
                break
            time.sleep(0.1)
        place.runtime.weights({"a": 100, "b": 0})
        place.runtime.drain("b")
        aborted = time.monotonic() + 0.1
        time.sleep(0.5)
        place.kill("b") if fault == "hangs" else None
    after = [one for one in traffic.sent if one.begun >= aborted]
    assert after
    assert [one for one in after if one.failed or one.version != "1.0"] == []
    assert served_twice(place.folder) == []
    return verdict


def test_a_good_version_passes(place: House) -> None:
    verdict = watched(place, "")
    assert (verdict.act, verdict.failed) == ("go", 0)
    assert verdict.requests >= 65
    assert verdict.canary_p95 is not None
    assert verdict.stable_p95 is not None


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("errors", "chats failed"),
        ("hidden", "chats failed"),
        ("slow", "answers began later than"),
        ("dies", "the canary is gone"),
        ("hangs", "chats hang"),
    ],
)
def test_a_bad_version_is_aborted_and_the_abort_costs_nothing(
    place: House, fault: str, reason: str
) -> None:
    verdict = watched(place, fault)
    assert verdict.act == "abort"
    assert reason in verdict.reason
