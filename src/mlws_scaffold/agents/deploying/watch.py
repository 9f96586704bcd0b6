"""One stage: what the proxy sees is collected until it suffices for a verdict."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from mlws_scaffold.agents.deploying.work import Refused, Work
from mlws_scaffold.agents.operations import monitoring
from mlws_scaffold.agents.targets.target import Look, Site
from mlws_scaffold.agents.watching import judging
from mlws_scaffold.agents.watching.collecting import Collected
from mlws_scaffold.agents.watching.judging import Verdict
from mlws_scaffold.agents.watching.thresholds import Thresholds, thresholds
from mlws_scaffold.errors import MlwsError, Unavailable

_PAUSE_SECONDS = 0.5
# How often the proxy may not answer in a row, as while it is restarted, before that is a failure.
_MOST_SILENT = 20


def rules(site: Site, limit: float) -> Thresholds:
    """What a new version is measured against; limit: seconds of a stage."""
    slo = site.found.agent.slo
    return thresholds(
        error_rate=slo.error_rate if slo else None,
        latency_p95=monitoring.seconds(slo.latency_p95)
        if slo and slo.latency_p95 is not None
        else None,
        min_requests=site.place.config.deploy.min_requests,
        limit_seconds=limit,
    )


def stage(work: Work) -> dict[str, Any]:
    """Watch the present stage to its end; returns what was measured.

    Raises Refused when the new version fails, is too slow, died, or stays undecided at the limit.
    """
    begun, stable = work.begun, work.journal.stable
    limits, earlier, silent = rules(work.site, begun.limit), _earlier(begun.measured), 0
    seen = Collected(begun.release.slot, stable.slot if stable else "", time.monotonic())
    while True:
        silent = _look(work, seen, silent)
        elapsed = max(0.0, time.time() - begun.began)
        verdict = judging.judge(seen.evidence(elapsed, earlier), limits)
        if verdict.act == "wait":
            time.sleep(_PAUSE_SECONDS)
            continue
        numbers = _numbers(work, verdict, elapsed)
        if verdict.act == "abort":
            raise Refused(verdict.reason, numbers)
        return numbers


def _look(work: Work, seen: Collected, silent: int) -> int:
    """Add one look; returns how often the target did not answer in a row."""
    if (mark := work.begun.mark) is None:
        raise MlwsError("this stage has no beginning", "mlws agent deploy NAME --abort")
    release = work.begun.release
    alive = work.target.alive(release)
    try:
        look = work.target.look(mark)
    except Unavailable:
        if silent >= _MOST_SILENT:
            raise
        look, silent = Look(), silent + 1
    else:
        silent = 0
    counted = work.target.counters(release) if alive else None
    seen.add(look.requests, look.servers, counted, alive=alive, now=time.monotonic())
    return silent


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
