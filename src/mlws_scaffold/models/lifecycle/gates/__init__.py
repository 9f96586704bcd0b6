"""What has to hold before a move, as one table. A gate looks and says; it changes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mlws_scaffold.models.lifecycle.gates import built, production, staging, testing
from mlws_scaffold.models.lifecycle.stages import Context, Gate, GateResult
from mlws_scaffold.models.registry import Status


@dataclass(frozen=True, slots=True)
class Gates:
    """The gates of a move. `first`: without these the others would judge something else."""

    first: tuple[tuple[str, Gate], ...] = ()
    then: tuple[tuple[str, Gate], ...] = ()


_BUILT = (("build", built.as_registry_says), ("record", built.same_as_before))

GATES: Mapping[Status, Gates] = {
    "development": Gates(),
    "testing": Gates(_BUILT[:1], (("unit cases", testing.unit_cases),)),
    "staging": Gates(
        _BUILT,
        (
            ("integration cases", staging.integration_cases),
            ("benchmark", staging.benchmark),
            ("comparison", staging.comparison),
        ),
    ),
    "production": Gates(
        _BUILT,
        (
            ("owners", production.owners),
            ("lint", production.lint),
            ("lock", production.lock),
            ("benchmark", production.benchmark),
            ("cases", production.cases),
            ("card", production.card),
            ("commit", production.commit),
            ("backup", production.backup),
        ),
    ),
    "deprecated": Gates((("agents", production.agents),)),
}


def ask(context: Context) -> Iterator[GateResult]:
    """Ask the gates of the move, each when it is its turn. Raises Unavailable without a verdict.

    After a failure of one of the first, the others are not asked.
    """
    chosen = GATES[context.new]
    ok = True
    for name, gate in chosen.first:
        result = _asked(context, name, gate)
        ok = ok and result.ok
        yield result
        if not ok:
            return
    for name, gate in chosen.then:
        yield _asked(context, name, gate)


def _asked(context: Context, name: str, gate: Gate) -> GateResult:
    context.request.watch(f"gate: {name}")
    began = time.monotonic()
    verdict = gate(context)
    seconds = time.monotonic() - began
    return GateResult(name, verdict.result, seconds, verdict.evidence, verdict.output)
