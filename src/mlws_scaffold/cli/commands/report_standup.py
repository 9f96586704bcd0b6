"""`mlws report standup`."""

from __future__ import annotations

import click

from mlws_scaffold.cli import place
from mlws_scaffold.cli.commands import written


@click.command("standup", epilog="Example: mlws report standup --author ann --format markdown")
@written.options
def standup(since: str, author: str, form: str, as_json: bool, post: bool, dry: bool) -> int:
    """Say what happened since the last working day, who waits, and what comes.

    On Monday the weekend is in it; days begin at midnight in [reports] timezone. Every line names
    its source, or says that it is not measured and why. Posting uses the address in the variable
    that [reports] webhook_env names; the report is printed before, so a failed post (exit code 1)
    loses nothing.

    JSON: title, about, command, parts: a list of title, lines: a list of text and source.
    """
    from mlws_scaffold.team.snapshot import collect
    from mlws_scaffold.team.snapshot import period as periods
    from mlws_scaffold.team.standup import report

    here = place.workspace()
    found = collect.build(here, written.period(here, since, periods.standup))
    page = report.of(found, author)
    return written.show(here, page, "json" if as_json else form, post=post, dry=dry)
