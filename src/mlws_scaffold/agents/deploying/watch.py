"""One stage: what the proxy sees is collected until it suffices for a verdict."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from mlws_scaffold.adapters.haproxy.requests import Request
from mlws_scaffold.adapters.haproxy.runtime import ServerState
from mlws_scaffold.agents.deploying.work import Refused, Work
from mlws_scaffold.agents.operations import monitoring
from mlws_scaffold.agents.targets.target import Release
from mlws_scaffold.agents.watching import judging
from mlws_scaffold.agents.watching.evidence import Evidence, Seen, samples
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

    Raises Refused when the new version fails, is too slow, died, or stays undecided at the limit.
    """
    limits, seen = rules(work), _Collected()
    while True:
        seen.look(work)
        elapsed = max(0.0, time.time() - work.begun.began)
        verdict = judging.judge(seen.evidence(work, elapsed), limits)
        if verdict.act == "wait":
            time.sleep(_PAUSE_SECONDS)
            continue
        numbers = _numbers(work, verdict, elapsed)
        if verdict.act == "abort":
            raise Refused(verdict.reason, numbers)
        return numbers


class _Collected:
    """All that was seen in a stage: the proxy forgets its oldest requests."""

    def __init__(self) -> None:
        self._ended: dict[tuple[int, int], Request] = {}
        self._servers: dict[str, ServerState] = {}
        self._progress = time.monotonic()
        self._alive = True
        self._silent = 0

    def look(self, work: Work) -> None:
        """Ask the target once. Raises Unavailable when it does not answer for a while."""
        if (mark := work.begun.mark) is None:
            raise MlwsError("this stage has no beginning", "mlws agent deploy --abort")
        self._alive = work.target.alive(work.begun.release)
        try:
            look = work.target.look(mark)
        except Unavailable:
            self._silent += 1
            if self._silent > _MOST_SILENT:
                raise
            return
        self._silent = 0
        before = len(self._ended)
        self._ended.update({(one.process, one.number): one for one in look.requests})
        self._servers = {one.slot: one for one in look.servers}
        if len(self._ended) > before:
            self._progress = time.monotonic()

    def evidence(self, work: Work, elapsed: float) -> Evidence:
        """What is known now of both versions."""
        stable = work.journal.stable
        return Evidence(
            canary=self._seen(work.begun.release, alive=self._alive),
            stable=self._seen(stable, alive=True) if stable else Seen(),
            elapsed=elapsed,
            earlier_p95=_earlier(work.begun.measured),
        )

    def _seen(self, release: Release, *, alive: bool) -> Seen:
        server = self._servers.get(release.slot)
        down = server is not None and server.status.startswith("DOWN")
        return Seen(
            samples=samples(self._ended.values(), release.slot),
            in_flight=server.current if server else 0,
            quiet=time.monotonic() - self._progress,
            alive=alive and not down,
        )


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
