"""The model in the agents that use it, its speed, and both beside what is in production."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlws_scaffold.errors import Unavailable
from mlws_scaffold.models import durations
from mlws_scaffold.models.lifecycle import cases, history, moves, trials
from mlws_scaffold.models.lifecycle.cases import Case
from mlws_scaffold.models.lifecycle.expectations import Judge, Reply
from mlws_scaffold.models.lifecycle.gates import built
from mlws_scaffold.models.lifecycle.gates.testing import verdict
from mlws_scaffold.models.lifecycle.stages import (
    Agent,
    Context,
    Report,
    Verdict,
    failed,
    passed,
    skipped,
)
from mlws_scaffold.models.lifecycle.trials import Tried
from mlws_scaffold.models.registry import Status

# What a report measures, and whether less of it is better.
LESS_IS_BETTER = {"latency_p50": True, "latency_p95": True, "tokens_per_second": False}


def integration_cases(context: Context) -> Verdict:
    """Every integration case passes through every agent that uses the model."""
    agents = list(context.tools.agents(context.key))
    if not agents:
        return skipped("no agent uses it yet")
    suite = cases.load(context.layout, context.key)
    chosen = suite.of("integration") if suite else ()
    if suite is None or not chosen:
        said = f"{', '.join(agents)} uses it, and no integration case is written"
        name = cases.name_of(context.key)
        return failed(said, f"cure: write one into {name}, with kind: integration")
    if context.tools.serve is None:
        raise Unavailable("agents cannot be served here, so no integration case can be asked")
    judge = Judge(context.layout, suite.refusals)
    tried: list[Tried] = []
    for agent in agents:
        with context.tools.serve(agent, context.host, context.name) as served:
            tried += (_named(agent, one) for one in trials.run(chosen, _through(served), judge))
    return verdict(tried)


def benchmark(context: Context) -> Verdict:
    """The very model that is judged was measured."""
    report = context.tools.benchmark(context.layout, context.key, context.version)
    cure = f"cure: mlws model benchmark {context.key} --host {context.host}"
    if report is None:
        return failed(f"{context.version} was not measured", cure)
    evidence = figures(context, report)
    if bare(report.digest) not in judged_digests(context):
        said = f"measured was sha256:{bare(report.digest)[:12]}, not sha256:{context.digest[:12]}"
        return failed(said, cure, **evidence)
    shown = ", ".join(f"{name} {value}" for name, value in words(evidence).items())
    return passed(f"measured on {report.at.date()}: {shown}", **evidence)


def comparison(context: Context) -> Verdict:
    """Nothing that was measured is worse than in production by more than the tolerance."""
    live = context.model.live
    if live is None:
        return skipped("nothing is in production yet")
    if edited := built.edited_pointer(context):
        return edited
    if live.version == context.version:
        return skipped(f"{live.version} is what is in production")
    report = context.tools.benchmark(context.layout, context.key, context.version)
    if report is None:
        return failed(f"{context.version} was not measured")
    other = context.tools.benchmark(context.layout, context.key, live.version)
    if other is None:
        said = f"{live.version}, which is in production, was not measured"
        return failed(said, f"cure: mlws model benchmark {context.key} --version {live.version}")
    if unlike := list(_unlike(report, other)):
        said = (
            f"{live.version} and {context.version} were measured with other {' and '.join(unlike)}"
        )
        return failed(said, "cure: measure both alike")
    new = figures(context, report)
    old = {**_figures(other), **_quality_of(context, live.version)}
    tolerance = context.place.config.models.tolerance
    rows = list(_compared(new, old, tolerance))
    evidence = {"with": live.version, "tolerance": tolerance, "new": new, "live": old}
    lines = [line for line, _ in rows]
    if not rows:
        return failed(f"nothing is measured of both {context.version} and {live.version}")
    return (passed if all(ok for _, ok in rows) else failed)(*lines, **evidence)


def figures(context: Context, report: Report) -> dict[str, Any]:
    """What was measured, with the quality that the registry names for this version."""
    quality = context.model.performance.accuracy if context.model.performance else None
    known = {} if quality is None else {"accuracy": quality}
    return {**_figures(report), **known}


def words(figures: Mapping[str, Any]) -> dict[str, str]:
    """The measured figures as a person reads them."""
    names = [name for name in (*LESS_IS_BETTER, "accuracy") if name in figures]
    return {name: _text(name, float(figures[name])) for name in names}


def judged_digests(context: Context) -> set[str]:
    """Digests of the model that is judged: here, and on the servers of the stages it passed."""
    stages: tuple[Status, ...] = ("testing", "staging")
    passed_as = [moves.earned(context.records, context.version, stage) for stage in stages]
    return {context.digest} | {bare(record.digest) for record in passed_as if record}


def bare(digest: str) -> str:
    return digest.removeprefix("sha256:")


def _figures(report: Report) -> dict[str, Any]:
    found = {name: getattr(report, name) for name in LESS_IS_BETTER}
    about = {"at": report.at.isoformat(), "host": report.host, "digest": report.digest}
    return {**about, **{name: value for name, value in found.items() if value is not None}}


def _quality_of(context: Context, version: str) -> dict[str, Any]:
    """What the live version's own promotion recorded: the registry speaks of the new one."""
    record = history.promoted(context.records, version)
    known = record.gate("benchmark") if record else {}
    return {"accuracy": known["accuracy"]} if "accuracy" in known else {}


def _unlike(report: Report, other: Report) -> Iterator[str]:
    """Conditions in which two reports differ, so that their figures cannot be held together."""
    if report.host != other.host:
        yield f"servers ({report.host}, {other.host})"
    if report.prompts.sha256 != other.prompts.sha256:
        yield "prompts"
    if report.concurrency != other.concurrency:
        yield f"numbers of requests at a time ({report.concurrency}, {other.concurrency})"


def _compared(
    new: dict[str, Any], old: dict[str, Any], tolerance: float
) -> Iterator[tuple[str, bool]]:
    for name, less in {**LESS_IS_BETTER, "accuracy": False}.items():
        if name not in new or name not in old:
            continue
        now, then = float(new[name]), float(old[name])
        limit = then * (1 + tolerance if less else 1 - tolerance)
        ok = now <= limit if less else now >= limit
        words = "" if ok else f", worse by more than {tolerance:.0%}"
        yield f"{name}: {_text(name, now)}, in production {_text(name, then)}{words}", ok


def _text(name: str, value: float) -> str:
    return durations.text(value) if name.startswith("latency") else f"{value:.4g}"


def _through(served: Agent) -> trials.Ask:
    def ask(case: Case, seed: int) -> Reply:
        return served(case.conversation, seed)

    return ask


def _named(agent: str, tried: Tried) -> Tried:
    named = tried.case.model_copy(update={"name": f"{agent}: {tried.case.name}"})
    return Tried(named, tried.attempts)
