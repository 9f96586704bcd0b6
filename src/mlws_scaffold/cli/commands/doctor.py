"""`mlws doctor`."""

from __future__ import annotations

import dataclasses

import click

from mlws_scaffold.checks import doctor as examination
from mlws_scaffold.cli import output, place


@click.command(epilog="Example: mlws doctor --json")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(as_json: bool) -> int:
    """Examine this machine and this clone; every finding that is not ok has a cure.

    JSON: a list of name, state (ok, warning, failure, unknown), detail, cure.
    """
    findings = examination.examine(place.root())
    if as_json:
        output.json_document([dataclasses.asdict(finding) for finding in findings])
    else:
        for finding in findings:
            output.line(f"{finding.state:<8} {finding.name}: {finding.detail}")
            if finding.cure:
                output.line(f"         -> {finding.cure}")
    return int(any(finding.state == "failure" for finding in findings))
