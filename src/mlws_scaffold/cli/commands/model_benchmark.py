"""`mlws model benchmark`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.errors import UsageError

if TYPE_CHECKING:
    from mlws_scaffold.models.benchmark import Plan, Report
    from mlws_scaffold.models.benchmark.report import Paired
    from mlws_scaffold.models.benchmark.statistics import Ratio

_TIMES = ("latency_p50", "latency_p95", "first_token_p50", "first_token_p95")
_MOST_AT_ONCE = 256


def _levels(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[int, ...]:
    try:
        found = tuple(sorted({int(part) for part in value.split(",")}))
    except ValueError:
        found = (0,)
    if found[0] < 1 or found[-1] > _MOST_AT_ONCE:
        raise UsageError(
            f"--concurrency: {value!r} is no list of numbers from 1 to {_MOST_AT_ONCE}",
            "write --concurrency 1,4",
        )
    return found


@click.command("benchmark", epilog="Example: mlws model benchmark medical-assistant --runs 5")
@click.argument("name")
@click.option(
    "--prompts", type=click.Path(path_type=Path), metavar="FILE", help="Another set (.yaml, .txt)."
)
@click.option(
    "--concurrency",
    default="1",
    show_default=True,
    metavar="N,N",
    callback=_levels,
    help="How many requests at the same time; one measurement for each number.",
)
@click.option(
    "--runs",
    type=click.IntRange(1, 10_000),
    default=3,
    show_default=True,
    help="How often each prompt is asked.",
)
@click.option(
    "--against",
    default="",
    metavar="OTHER",
    help="Another key, a kept version or a name on the server, asked in turn with this one.",
)
@click.option(
    "--version", default="", metavar="V", help="A version that the server keeps as NAME:V."
)
@click.option("--host", default="", metavar="URL", help="Another server than this machine's.")
@click.option("--dry-run", is_flag=True, help="Only say what would be asked; ask no model.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def measure(
    name: str,
    prompts: Path | None,
    concurrency: tuple[int, ...],
    runs: int,
    against: str,
    version: str,
    host: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Measure how fast a model answers: first token, whole answer, tokens per second, loading.

    It is loaded afresh, one answer is discarded, and each prompt is asked with one seed,
    temperature 0 and at most 64 tokens. Written: models/benchmarks/NAME/VERSION.json and .svg, and
    both latencies of `performance` in the registry. A p95 needs 20 answers. --against pairs every
    answer with the other model's to the same prompt, and writes nothing about the other.

    JSON: key, version, name, digest, at, host, measured_from, server_version, gpu_share, context,
    runs, prompts: {name, count, sha256}, options, load_seconds, concurrency, latency_p50,
    latency_p95, first_token_p50, first_token_p95 (seconds), tokens_per_second, throughput, levels:
    [the same and samples], against: {name, digest, levels: [concurrency, pairs, latency,
    first_token, tokens_per_second: {median, low, high}]}; absent when not measured. With --dry-run:
    name, digest, host, server_version, requests, prompts, against.
    """
    from mlws_scaffold.models import benchmark, hosts
    from mlws_scaffold.models.benchmark import prompts as sets

    workspace = place.workspace()
    server, asked = hosts.host_of(workspace, os.environ, host), sets.load(prompts, workspace.layout)
    request = benchmark.Request(name, server, asked, runs, concurrency, version, against)
    plan = benchmark.prepare(workspace.layout, request)
    if dry_run:
        _show_plan(plan, as_json)
        return
    report = benchmark.measure(plan, _tenths())
    written = benchmark.record(workspace.layout, report)
    if as_json:
        output.json_document(benchmark.document(report))
        return
    _show(report)
    _doubts(report)
    output.line(f"written: {', '.join(workspace.layout.relative(path) for path in written)}")


def _tenths() -> Callable[[int, int], None]:
    """A line for each tenth of the answers."""
    said = 0

    def watch(done: int, total: int) -> None:
        nonlocal said
        if 10 * done // total > said:
            said = 10 * done // total
            output.note(f"{done} of {total} answers")

    return watch


def _show_plan(plan: Plan, as_json: bool) -> None:
    asked = plan.request.prompts
    found = {
        "name": plan.model.name,
        "digest": f"sha256:{plan.model.digest}",
        "host": plan.request.host,
        "server_version": plan.server_version,
        "requests": plan.requests,
        "prompts": {
            "name": asked.name,
            "count": len(asked.conversations),
            "sha256": asked.sha256,
        },
        "against": plan.other.name if plan.other else None,
    }
    if as_json:
        output.json_document(found)
        return
    other = f" and {plan.other.name}, in turn" if plan.other else ""
    output.line(f"would load {plan.model.name}{other} on {plan.request.host}, and ask")
    output.line(f"  {plan.requests} times, with {len(asked.conversations)} prompts ({asked.name})")
    output.line(f"  {plan.model.name} is sha256:{plan.model.digest[:12]} there")


def _show(report: Report) -> None:
    rows = [
        {
            "at once": level.concurrency,
            "answers": level.samples,
            **{name.replace("_", " "): _seconds(getattr(level, name)) for name in _TIMES},
            "tokens/s": _number(level.tokens_per_second),
            "all together": _number(level.throughput),
        }
        for level in report.levels
    ]
    output.table(tuple(rows[0]), rows, "")
    share = "" if report.gpu_share is None else f", {report.gpu_share:.0%} of it on GPUs"
    load = "" if report.load_seconds is None else f", loaded in {_seconds(report.load_seconds)}"
    context = "" if report.context is None else f", context {report.context}"
    output.line(
        f"{report.name} ({report.digest[:19]}) on {report.host}, Ollama {report.server_version}"
        f"{load}{share}{context}"
    )
    for paired in report.against.levels if report.against else ():
        _show_paired(report, paired)


def _doubts(report: Report) -> None:
    if report.latency_p95 is None:
        needed = -(-20 // report.prompts.count)
        output.line(
            f"no p95: {report.levels[0].samples} answers are too few, 20 are needed "
            f"(--runs {needed})"
        )
    if report.prompts.count == 1 and report.runs > 1:
        output.line("one prompt only: from its second answer on, the server has it in its cache")


def _show_paired(report: Report, paired: Paired) -> None:
    ratios = {
        "latency": paired.latency,
        "first token": paired.first_token,
        "tokens/s": paired.tokens_per_second,
    }
    shown = [f"{name} x{_ratio(found)}" for name, found in ratios.items() if found]
    other = report.against.name if report.against else ""
    output.line(
        f"against {other}, {paired.concurrency} at once, {paired.pairs} pairs: {', '.join(shown)}"
    )


def _ratio(found: Ratio) -> str:
    if found.low is None or found.high is None:
        return f"{found.median:.3g} (too few pairs for an interval)"
    return f"{found.median:.3g} ({found.low:.3g} to {found.high:.3g})"


def _seconds(value: float | None) -> str:
    from mlws_scaffold.models import durations

    return durations.text(value) if value else ""


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
