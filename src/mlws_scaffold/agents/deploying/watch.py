"""One stage: what the proxy sees is collected until it suffices for a verdict."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from mlws_scaffold.adapters.haproxy.runtime import Mark
from mlws_scaffold.agents.deploying.work import Refused, Work
from mlws_scaffold.agents.operations import monitoring
from mlws_scaffold.agents.watching import judging
from mlws_scaffold.agents.watching.collecting import Collected
from mlws_scaffold.agents.watching.judging import Verdict
from mlws_scaffold.agents.watching.thresholds import Thresholds, thresholds
from mlws_scaffold.errors import MlwsError, Unavailable

_PAUSE_SECONDS = 0.5
# How often the proxy may not answer in a row, as while it is restarted, before that is a failure.
_MOST_SILENT = 20


def rules(work: Work) -> Thresholds:
    """What a new version is measured against."""
    slo = work.site.found.agent.slo
    return thresholds(
        error_rate=slo.error_rate if slo else None,
        latency_p95=monitoring.seconds(slo.latency_p95)
        if slo and slo.latency_p95 is not None
        else None,
        min_requests=work.site.place.config.deploy.min_requests,
        limit_seconds=work.begun.limit,
    )


def stage(work: Work) -> dict[str, Any]:
    """Watch the present stage to its end; returns what was measured.

    Raises Refused when the new version fails, is too slow, died, or stays undecided at the limit,
    and Unavailable when the proxy does not answer for a while.
    """
    begun, stable = work.begun, work.journal.stable
    if begun.mark is None:
        raise MlwsError("this stage has no beginning", "mlws agent deploy --abort")
    limits, silent = rules(work), 0
    seen = Collected(begun.release.slot, stable.slot if stable else "", time.monotonic())
    while True:
        try:
            _look(work, begun.mark, seen)
            silent = 0
        except Unavailable:
            silent += 1
            if silent > _MOST_SILENT:
                raise
        elapsed = max(0.0, time.time() - begun.began)
        verdict = judging.judge(seen.evidence(elapsed, _earlier(begun.measured)), limits)
        if verdict.act == "wait":
            time.sleep(_PAUSE_SECONDS)
            continue
        numbers = _numbers(work, verdict, elapsed)
        if verdict.act == "abort":
            raise Refused(verdict.reason, numbers)
        return numbers


def _look(work: Work, mark: Mark, seen: Collected) -> None:
    """Ask the target once for all that it knows."""
    target, release = work.target, work.begun.release
    alive, look = target.alive(release), target.look(mark)
    counted = target.counters(release) if alive else None
    seen.add(look.requests, look.servers, counted, alive=alive, now=time.monotonic())


def _earlier(measured: Iterable[Any]) -> float | None:
    """The stable version's p95 of the last stage that knew it: at 99 % it gets too few requests."""
    known = [one["stable_p95"] for one in measured if one.get("stable_p95") is not None]
    return float(known[-1]) if known else None


def _numbers(work: Work, verdict: Verdict, elapsed: float) -> dict[str, Any]:
    return {
        "percent": work.begun.percent,
        "seconds": round(elapsed, 1),
        "requests": verdict.requests,
        "failed": verdict.failed,
        "canary_p95": _rounded(verdict.canary_p95),
        "stable_p95": _rounded(verdict.stable_p95),
        "verdict": "pass" if verdict.act == "go" else verdict.act,
        "reason": verdict.reason,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
