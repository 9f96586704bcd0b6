"""`mlws report audit`."""

from __future__ import annotations

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.cli.commands import written

_FORMAT = click.Choice(("text", "markdown", "json", "github"))


@click.command("audit", epilog="Example: mlws report audit --since 90d --check")
@click.option("--since", default="30d", metavar="WHEN", help="30d, 12h or a date: approvals since.")
@click.option("--format", "form", type=_FORMAT, default="text", help="How to print it.")
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@click.option("--check", is_flag=True, help="Exit with 1 when a licence or a card is missing.")
def audit(since: str, form: str, as_json: bool, check: bool) -> int:
    """Show licences of models, weights and data, missing cards, who approved what, open findings.

    Approvals of pull requests and security findings are asked of GitHub through gh; without it they
    are not measured. With --check a missing licence or card exits with 1, and licences that cannot
    be read with 4.

    JSON: title, about, command, parts: a list of title, lines: a list of text and source.
    """
    from mlws_scaffold.team.audit import report
    from mlws_scaffold.team.reporting import formats
    from mlws_scaffold.team.snapshot import collect, period

    here = place.workspace()
    asked = written.period(here, since, period.weekly)
    found = collect.build(here, asked, report.SECTIONS)
    page = report.of(found)
    output.line(formats.FORMATS["json" if as_json else form](page).rstrip("\n"))
    if not check:
        return 0
    return 1 if report.gaps(found) else 0 if found["sections"]["licences"]["ok"] else 4
