"""How the steps of a set-up are shown."""

from __future__ import annotations

from collections.abc import Sequence

from mlws_scaffold.cli import output
from mlws_scaffold.scaffold.setup import StepReport


def show(reports: Sequence[StepReport]) -> None:
    """One line a step, and what to do about it where there is something to do."""
    for report in reports:
        output.line(f"{report.state:<8} {report.name}: {report.detail}")
        if report.cure:
            output.line(f"         -> {report.cure}")
