"""What a canary is measured against, from `slo` of agent.yaml and `[deploy]` of mlws.toml."""

from __future__ import annotations

import math
from dataclasses import dataclass

# What was measured: 0.5 % against 5 % tells in a median of 53 requests of a bad version and in 65
# of a good one; a promise above 1 % moves both.
_GOOD, _BAD = 0.5, 5.0
_USUAL_ERROR_RATE = 0.01
_MOST_ERROR_RATE = 0.15
_USUAL_STUCK_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The rules of one stage.

    A version whose error ratio is `good_errors` passes, one with `bad_errors` is aborted. A request
    is slow above `slow_factor` times the stable p95 and at least `slow_slack` seconds above it;
    `good_slow` of them may be, `bad_slow` may not. `alpha` is the risk of aborting a good version,
    `beta` that of letting a bad one pass. A stage without a verdict after `limit_seconds` is
    aborted, and so is a canary with `stuck_requests` that do not move for `stuck_seconds`.
    """

    good_errors: float = 0.005
    bad_errors: float = 0.05
    good_slow: float = 0.05
    bad_slow: float = 0.25
    slow_factor: float = 1.3
    slow_slack: float = 0.05
    alpha: float = 0.01
    beta: float = 0.05
    min_requests: int = 50
    min_stable: int = 20
    limit_seconds: float = 1800.0
    stuck_seconds: float = _USUAL_STUCK_SECONDS
    stuck_requests: int = 3


def thresholds(
    *,
    error_rate: float | None,
    latency_p95: float | None,
    min_requests: int,
    limit_seconds: float,
) -> Thresholds:
    """The rules for an agent's promises; what it does not promise is judged by the usual ones.

    `latency_p95` is the promised time of a whole answer in seconds: nothing for twice as long,
    with requests waiting, is an agent that hangs.
    """
    promised = _USUAL_ERROR_RATE if error_rate is None else error_rate
    promised = min(max(promised, 0.0002), _MOST_ERROR_RATE)
    stuck = _USUAL_STUCK_SECONDS if latency_p95 is None else 2 * latency_p95
    return Thresholds(
        good_errors=promised * _GOOD,
        bad_errors=promised * _BAD,
        min_requests=min_requests,
        limit_seconds=limit_seconds,
        stuck_seconds=min(stuck, limit_seconds),
    )


def requests_needed(rules: Thresholds) -> int:
    """How many chats a faultless canary needs for one stage's verdict."""
    lower = math.log(rules.beta / (1 - rules.alpha))
    pairs = ((rules.good_errors, rules.bad_errors), (rules.good_slow, rules.bad_slow))
    clean = (math.ceil(lower / math.log((1 - bad) / (1 - good)) - 1e-9) for good, bad in pairs)
    return max(rules.min_requests, *clean)


def seconds_needed(rules: Thresholds, share: float, per_second: float) -> float:
    """How long a stage takes at a share (0 to 1) of the present traffic; infinite without any."""
    reached = share * per_second
    return requests_needed(rules) / reached if reached > 0 else math.inf
