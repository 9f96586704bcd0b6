"""A report of the checks as Markdown, for the summary page of a workflow."""

from __future__ import annotations

from pathlib import Path

from mlws_scaffold.checks.run import Report
from mlws_scaffold.errors import MlwsError

# GitHub takes 1 MiB; more lines help nobody.
_MOST_LINES = 200


def markdown(report: Report) -> str:
    """The counts, then each finding with its place and cure."""
    counts = report.summary()
    lines = [
        "### Rules of the workspace",
        "",
        f"{counts['checks']} checks: {counts['yes']} yes, {counts['no']} no;"
        f" {counts['problems']} problems, {counts['warnings']} warnings",
        "",
    ]
    rows = [
        f"| {outcome.check.id} | {word} | {_cell(str(problem))} |"
        for outcome in report.outcomes
        for word, problems in (
            ("error", outcome.result.problems),
            ("warning", outcome.result.warnings),
        )
        for problem in problems
    ]
    if rows:
        lines += ["| check | | finding |", "| --- | --- | --- |", *rows[:_MOST_LINES]]
    if len(rows) > _MOST_LINES:
        lines += ["", f"and {len(rows) - _MOST_LINES} more: `mlws check --format json` has all"]
    return "\n".join(lines) + "\n"


def append(report: Report, path: Path) -> None:
    """Add it to the file that `GITHUB_STEP_SUMMARY` names."""
    try:
        with path.open("a", encoding="utf-8") as stream:
            stream.write(markdown(report))
    except OSError as error:
        raise MlwsError(f"{path} cannot be written: {error.strerror}") from None


def _cell(text: str) -> str:
    """Text that people wrote: it must neither end the table nor become HTML."""
    flat = " ".join(text.split())
    for sign, name in (("&", "&amp;"), ("<", "&lt;"), ("|", "&#124;"), ("`", "&#96;")):
        flat = flat.replace(sign, name)
    return flat
