"""How a step of a set-up is shown."""

from __future__ import annotations

from mlws_scaffold.cli import output
from mlws_scaffold.scaffold.setup import StepReport


def show(report: StepReport) -> None:
    """What became of the step, and what to do about it where there is something to do."""
    for text in report.lines:
        output.line(text)
