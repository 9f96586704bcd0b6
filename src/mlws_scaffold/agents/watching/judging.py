"""The verdict on a stage. Pure: the same evidence gives the same verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mlws_scaffold.agents.watching.evidence import Evidence, Sample, Seen
from mlws_scaffold.agents.watching.sequential import Answer, Ratio
from mlws_scaffold.agents.watching.thresholds import Thresholds, requests_needed


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do: `go` to the next step, `wait` for more, or `abort`; and why, for a person.

    `canary_p95` and `stable_p95` are seconds to the first token, None without enough answers.
    """

    act: Literal["go", "wait", "abort"]
    reason: str
    requests: int
    failed: int
    canary_p95: float | None
    stable_p95: float | None


def judge(evidence: Evidence, rules: Thresholds) -> Verdict:
    """The verdict on a stage from what was seen of it until now."""
    canary = evidence.canary
    measure = stable_p95(evidence, rules)
    act, reason = _act(evidence, rules, measure)
    own = percentile(canary.firsts) if canary.firsts else None
    return Verdict(act, reason, canary.requests, canary.failed, own, measure)


def stable_p95(evidence: Evidence, rules: Thresholds) -> float | None:
    """The stable version's p95 to the first token: measured now, else earlier, else unknown."""
    firsts = evidence.stable.firsts
    return percentile(firsts) if len(firsts) >= rules.min_stable else evidence.earlier_p95


def percentile(values: Sequence[float], share: float = 0.95) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered) - 1e-9) - 1)]


def _act(
    evidence: Evidence, rules: Thresholds, measure: float | None
) -> tuple[Literal["go", "wait", "abort"], str]:
    canary = evidence.canary
    if gone := _gone(canary, rules):
        return "abort", gone
    errors = _test(rules, rules.good_errors, rules.bad_errors).run(_failures(canary))
    if errors == "bad":
        return "abort", f"{canary.failed} of {canary.requests} chats failed"
    slow: Answer = "open"
    if measure is not None:
        bound = max(measure * rules.slow_factor, measure + rules.slow_slack)
        marks = _slowness(canary.samples, bound)
        slow = _test(rules, rules.good_slow, rules.bad_slow).run(marks)
        if slow == "bad":
            return "abort", (
                f"{sum(marks)} of {len(marks)} answers began later than {bound:.2f} s "
                f"(stable p95: {measure:.2f} s)"
            )
    missing = _missing(canary, rules, errors, slow, measure)
    if not missing:
        return "go", f"{canary.failed} of {canary.requests} chats failed, none too slow to pass"
    if evidence.elapsed >= rules.limit_seconds:
        return "abort", f"no verdict within {rules.limit_seconds:.0f} s: {missing}"
    return "wait", missing


def _gone(canary: Seen, rules: Thresholds) -> str:
    if not canary.alive:
        return "the canary is gone: its process or its health check"
    if canary.restarts > 0:
        return f"the canary began anew {canary.restarts} time(s)"
    if canary.in_flight >= rules.stuck_requests and canary.quiet >= rules.stuck_seconds:
        return f"{canary.in_flight} chats hang: nothing moved for {canary.quiet:.0f} s"
    return ""


def _missing(
    canary: Seen, rules: Thresholds, errors: Answer, slow: Answer, measure: float | None
) -> str:
    if canary.requests < rules.min_requests or errors != "good":
        return f"{canary.requests} chats, a clean verdict needs {requests_needed(rules)}"
    if measure is None:
        return "the stable version had too few chats to compare with"
    return "" if slow == "good" else "more answers are needed to tell its speed"


def _test(rules: Thresholds, good: float, bad: float) -> Ratio:
    return Ratio(good, bad, rules.alpha, rules.beta)


def _failures(canary: Seen) -> list[bool]:
    """Each chat that tells, with the hidden errors put on the latest that looked good."""
    failed = [one.failed for one in canary.samples if not one.left]
    hidden = canary.hidden
    for place in reversed(range(len(failed))):
        if hidden and not failed[place]:
            failed[place] = True
            hidden -= 1
    return failed


def _slowness(samples: Sequence[Sample], bound: float) -> list[bool]:
    """Whether each answer began too late; who left before is slow only if he waited that long."""
    marks = []
    for one in samples:
        if one.first is not None and not one.failed:
            marks.append(one.first > bound)
        elif one.left and one.waited > bound:
            marks.append(True)
    return marks
