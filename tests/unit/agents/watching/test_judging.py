"""The verdict on a stage."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace

from hypothesis import given
from hypothesis import strategies as st

from mlws_scaffold.agents.watching.evidence import Evidence, Sample, Seen, samples
from mlws_scaffold.agents.watching.judging import judge, percentile
from mlws_scaffold.agents.watching.thresholds import (
    Thresholds,
    requests_needed,
    seconds_needed,
    thresholds,
)

RULES = Thresholds()
STABLE = Seen(tuple(Sample(first=0.08 + 0.01 * (number % 9)) for number in range(90)))  # p95 0.16


def seen(*outcomes: tuple[int, Sample], **more: object) -> Seen:
    chats = [sample for count, sample in outcomes for _ in range(count)]
    return replace(Seen(tuple(chats)), **more)  # type: ignore[arg-type]


GOOD = Sample(first=0.1)
FAILED = Sample(failed=True, first=0.1)


def act(
    canary: Seen, elapsed: float = 10.0, stable: Seen = STABLE, rules: Thresholds = RULES
) -> str:
    return judge(Evidence(canary, stable, elapsed), rules).act


def test_a_good_canary_goes_on_as_soon_as_the_evidence_suffices() -> None:
    assert act(seen((64, GOOD))) == "wait"
    assert act(seen((65, GOOD))) == "go"


def test_a_canary_that_fails_every_twentieth_chat_is_aborted() -> None:
    chats = seen(*[(1, FAILED if number % 20 == 7 else GOOD) for number in range(80)])
    verdict = judge(Evidence(chats, STABLE, 10), RULES)
    assert (verdict.act, verdict.reason) == ("abort", "4 of 80 chats failed")


def test_a_canary_three_times_slower_is_aborted_after_three_answers() -> None:
    slow = Sample(first=0.36)
    assert act(seen((2, slow))) == "wait"
    verdict = judge(Evidence(seen((3, slow)), STABLE, 10), RULES)
    assert verdict.act == "abort"
    assert "3 of 3 answers began later than 0.21 s (stable p95: 0.16 s)" in verdict.reason


def test_a_caller_who_left_is_no_failure_but_he_may_have_waited_too_long() -> None:
    left_at_once = Sample(left=True, waited=0.05)
    left_in_the_middle = Sample(first=0.1, left=True, waited=3.0)
    left_waiting = Sample(left=True, waited=5.0)
    assert act(seen((200, left_at_once))) == "wait"  # nothing is known of it
    assert act(seen((65, GOOD), (200, left_in_the_middle))) == "go"
    assert act(seen((3, left_waiting))) == "abort"


def test_errors_inside_good_answers_count() -> None:
    assert act(seen((80, GOOD), hidden=4)) == "abort"
    assert act(seen((80, GOOD), hidden=0)) == "go"


def test_a_dead_or_restarted_or_hanging_canary_is_aborted_at_once() -> None:
    assert act(seen(alive=False)) == "abort"
    assert act(seen((400, GOOD), restarts=1)) == "abort"
    assert act(seen(in_flight=3, quiet=120.0)) == "abort"
    assert act(seen(in_flight=3, quiet=119.0)) == "wait"
    assert act(seen(in_flight=2, quiet=999.0)) == "wait"  # two long answers hang nothing


def test_no_verdict_at_the_limit_is_an_abort() -> None:
    for canary in (Seen(), seen((40, GOOD))):
        assert act(canary, elapsed=1799) == "wait"
        verdict = judge(Evidence(canary, STABLE, 1800), RULES)
        assert verdict.act == "abort"
        assert "no verdict within 1800 s" in verdict.reason


def test_without_a_measure_of_the_stable_version_nothing_passes() -> None:
    few = seen((19, GOOD))
    assert act(seen((500, GOOD)), stable=few) == "wait"
    assert act(seen((500, GOOD)), stable=few, elapsed=1800) == "abort"
    earlier = Evidence(seen((65, GOOD)), few, 10, earlier_p95=0.16)
    assert judge(earlier, RULES).act == "go"
    assert judge(replace(earlier, canary=seen((3, Sample(first=0.4)))), RULES).act == "abort"


def test_a_few_milliseconds_between_fast_versions_are_not_slow() -> None:
    stable = seen((90, Sample(first=0.002)))
    assert act(seen((65, Sample(first=0.008))), stable=stable) == "go"


@given(st.integers(1, 5000))
def test_the_floor_of_requests_holds(floor: int) -> None:
    rules = replace(RULES, min_requests=floor)
    assert act(seen((floor - 1, GOOD)), rules=rules) == "wait"
    assert act(seen((requests_needed(rules), GOOD)), rules=rules) == "go"


@given(
    st.lists(
        st.builds(
            Sample,
            failed=st.booleans(),
            first=st.one_of(st.none(), st.floats(0, 100)),
            left=st.booleans(),
            waited=st.floats(0, 100),
        ),
        max_size=150,
    ),
    st.integers(0, 200),
    st.floats(0, 4000),
)
def test_every_evidence_has_a_verdict_and_none_waits_past_the_limit(
    chats: list[Sample], hidden: int, elapsed: float
) -> None:
    verdict = judge(Evidence(Seen(tuple(chats), hidden=hidden), STABLE, elapsed), RULES)
    assert verdict.reason
    assert 0 <= verdict.failed <= verdict.requests
    assert verdict.act != "wait" or elapsed < RULES.limit_seconds


@given(st.floats(0.0002, 0.15), st.integers(1, 500))
def test_so_many_clean_requests_as_are_announced_pass_and_one_less_does_not(
    error_rate: float, floor: int
) -> None:
    rules = thresholds(
        error_rate=error_rate, latency_p95=30.0, min_requests=floor, limit_seconds=1800
    )
    needed = requests_needed(rules)
    assert act(seen((needed, GOOD)), rules=rules) == "go"
    assert act(seen((needed - 1, GOOD)), rules=rules) == "wait"


def test_the_wait_at_two_requests_a_second_is_announced() -> None:
    assert requests_needed(RULES) == 65
    assert seconds_needed(RULES, share=0.1, per_second=2.0) == 325.0
    assert seconds_needed(RULES, share=0.1, per_second=0.0) == math.inf


def test_promises_become_rules() -> None:
    rules = thresholds(error_rate=0.01, latency_p95=30.0, min_requests=50, limit_seconds=1800)
    assert (rules.good_errors, rules.bad_errors, rules.stuck_seconds) == (0.005, 0.05, 60.0)
    assert (
        thresholds(error_rate=None, latency_p95=None, min_requests=50, limit_seconds=1800)
        == Thresholds()
    )
    strict = thresholds(error_rate=0.0, latency_p95=None, min_requests=1, limit_seconds=60)
    assert 0 < strict.good_errors < strict.bad_errors < 1


def test_a_good_canary_is_aborted_in_one_of_a_hundred_runs_at_most() -> None:
    """The whole rule, both tests together, on a version exactly like the stable one."""
    chance = random.Random(5)
    aborted = 0
    for _ in range(200):
        chats = tuple(
            Sample(failed=chance.random() < 0.002, first=chance.uniform(0.08, 0.165))
            for _ in range(400)
        )
        for count in range(5, 400, 5):
            verdict = judge(Evidence(Seen(chats[:count]), STABLE, 10), RULES)
            if verdict.act != "wait":
                break
        aborted += verdict.act == "abort"
    assert aborted <= 6


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_the_percentile_is_a_value_that_95_percent_do_not_exceed(values: list[float]) -> None:
    found = percentile(values)
    assert found in values
    assert sum(1 for value in values if value <= found) >= 0.95 * len(values) - 1e-6


@dataclass(frozen=True)
class Line:
    slot: str = "b"
    method: str = "POST"
    status: int = 200
    failed: bool = False
    by_client: bool = False
    first: float | None = 0.1
    total: float = 0.5


def test_refusals_probes_and_the_other_slot_are_no_samples() -> None:
    lines = [
        Line(),
        Line(status=429),
        Line(status=400),
        Line(method="GET"),
        Line(slot="a"),
        Line(slot=""),
        Line(status=503, failed=True),
        Line(status=499, by_client=True, first=None, total=4.0),
    ]
    assert samples(lines, "b") == (
        Sample(first=0.1),
        Sample(failed=True, first=0.1),
        Sample(left=True, waited=4.0),
    )
