"""`mlws check`: asks the checks room and prints the report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlws_scaffold.cli import output, place

if TYPE_CHECKING:
    from mlws_scaffold.checks.check import Answer
    from mlws_scaffold.checks.run import Outcome, Report

_AREAS = ("workspace", "experiments", "models", "agents", "git", "branch")
# More lines of one kind help nobody on a terminal; --format json has them all.
_SHOWN = 50


@click.command(
    epilog="Example: mlws check experiments GIT006 --changed-since origin/develop --format github"
)
@click.argument(
    "wanted",
    metavar="[AREA|ID]...",
    nargs=-1,
    shell_complete=lambda _ctx, _param, begun: [area for area in _AREAS if area.startswith(begun)],
)
@click.option(
    "--staged",
    is_flag=True,
    help="Only what the next commit touches, as it lies in the working tree.",
)
@click.option(
    "--changed-since",
    "since",
    default="",
    metavar="REF",
    help="Only what changed since leaving REF.",
)
@click.option(
    "--online",
    is_flag=True,
    help="Also ask others: uv the package index about the lock, MLflow about results.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
)
@click.option("--fix", is_flag=True, help="Mend what can be mended safely, then check.")
def check(
    wanted: tuple[str, ...], *, staged: bool, since: str, online: bool, form: str, fix: bool
) -> int:
    """Hold the workspace's files against its rules.

    Areas: workspace, experiments, models, agents, git, and branch (the branch's name alone).
    Outside of a workspace all but the first still work, on any repository. Exits with 1 when a
    check says no.

    JSON: checks: [id, area, title, result, reason, problems: [severity, path, line, column, field,
    message, cure]], fixed, summary: {checks, yes, no, not_applicable, disabled, problems,
    warnings}.
    """
    from mlws_scaffold.checks.run import run
    from mlws_scaffold.checks.target import Scope

    report = run(place.root_if_any(), Path.cwd(), wanted, Scope(staged, since, online), fix=fix)
    if form == "json":
        output.json_document(report.as_data())
    elif form == "github":
        annotate(report)
    else:
        _write(report)
    return 1 if report.failed else 0


def _write(report: Report) -> None:
    for done in report.fixed:
        output.line(f"fixed: {done}")
    for outcome in report.outcomes:
        if outcome.result.problems or outcome.result.warnings:
            output.line(f"{outcome.check.id} {outcome.result.answer}: {outcome.check.title}")
            _write_findings(outcome)
    unjudged: dict[tuple[Answer, str], list[str]] = {}
    for outcome in report.outcomes:
        if outcome.result.answer in ("not applicable", "disabled"):
            kind = (outcome.result.answer, outcome.result.reason)
            unjudged.setdefault(kind, []).append(outcome.check.id)
    for (answer, reason), identifiers in unjudged.items():
        output.line(f"{answer} ({reason}): {', '.join(identifiers)}")
    output.line(_summary(report))


def _write_findings(outcome: Outcome) -> None:
    result = outcome.result
    lines = [f"  {problem}" for problem in result.problems]
    lines += [f"  warning: {problem}" for problem in result.warnings]
    for text in lines[:_SHOWN]:
        output.line(text)
    if len(lines) > _SHOWN:
        output.line(f"  and {len(lines) - _SHOWN} more: --format json lists them all")
    if result.answer == "no":
        for text in outcome.check.advice.splitlines():
            output.line(f"    {text}".rstrip())


def annotate(report: Report) -> None:
    """Print the findings as GitHub shows them on the diff."""

    for outcome in report.outcomes:
        title = f"{outcome.check.id} {outcome.check.title}"
        for level, problems in (
            ("error", outcome.result.problems),
            ("warning", outcome.result.warnings),
        ):
            for problem in problems:
                output.annotation(replace(problem, path=report.prefix + problem.path), title, level)
    output.line(_summary(report))


def _summary(report: Report) -> str:
    counts = report.summary()
    parts = [f"{counts['checks']} checks: {counts['yes']} yes, {counts['no']} no"]
    parts += [
        f"{counts[key]} {key.replace('_', ' ')}"
        for key in ("not_applicable", "disabled")
        if counts[key]
    ]
    parts += [
        f"{counts[key]} {key.removesuffix('s') if counts[key] == 1 else key}"
        for key in ("problems", "warnings")
        if counts[key]
    ]
    return ", ".join(parts)
