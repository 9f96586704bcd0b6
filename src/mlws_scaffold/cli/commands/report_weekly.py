"""`mlws report weekly`."""

from __future__ import annotations

import click

from mlws_scaffold.cli import place
from mlws_scaffold.cli.commands import written


@click.command(
    "weekly", epilog="Example: mlws report weekly --format github >> $GITHUB_STEP_SUMMARY"
)
@written.options
def weekly(since: str, author: str, form: str, as_json: bool, post: bool, dry: bool) -> int:
    """Say what the last seven days came to, by person too, and what the rules recommend.

    Every line names its source, or says that it is not measured and why; every recommendation names
    its rule and its evidence. Posting uses the address in the variable that [reports] webhook_env
    names; the report is printed before, so a failed post (exit code 1) loses nothing.

    JSON: title, about, command, parts: a list of title, lines: a list of text and source.
    """
    from mlws_scaffold.team.snapshot import collect
    from mlws_scaffold.team.snapshot import period as periods
    from mlws_scaffold.team.weekly import report

    here = place.workspace()
    found = collect.build(here, written.period(here, since, periods.weekly))
    page = report.of(found, author)
    return written.show(here, page, "json" if as_json else form, post=post, dry=dry)
