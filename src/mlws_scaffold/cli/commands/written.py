"""What the commands that write a report have in common: their options, and what becomes of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mlws_scaffold.cli import output

if TYPE_CHECKING:
    from mlws_scaffold.team.reporting.page import Page
    from mlws_scaffold.team.snapshot.period import Period
    from mlws_scaffold.workspace.config import Workspace

F = TypeVar("F", bound=Callable[..., Any])
_FORMAT = click.Choice(("text", "markdown", "json", "slack", "github"))


def options(command: F) -> F:
    """--since, --author, --format, --json, --post, --dry-run."""
    for add in reversed(
        (
            click.option("--since", default="", metavar="WHEN", help="7d, 12h, a date, yesterday."),
            click.option("--author", default="", metavar="WHO", help="Only what concerns them."),
            click.option("--format", "form", type=_FORMAT, default="text", help="How to print it."),
            click.option("--json", "as_json", is_flag=True, help="Short for --format json."),
            click.option("--post", is_flag=True, help="Send it to the team's webhook as well."),
            click.option("--dry-run", "dry", is_flag=True, help="Print what --post would send."),
        )
    ):
        command = add(command)
    return command


def period(here: Workspace, since: str, usual: Callable[[datetime, str], Period]) -> Period:
    """The period asked for, else the usual one of the report."""
    from mlws_scaffold.experiments import journal
    from mlws_scaffold.team.snapshot.period import Period

    now, zone = datetime.now(UTC), here.config.reports.timezone
    return Period(journal.since(since, zone, now), now, zone) if since else usual(now, zone)


def show(here: Workspace, page: Page, form: str, *, post: bool, dry: bool) -> int:
    """Print it, and then post it: what cannot be posted was at least said."""
    from mlws_scaffold.team.reporting import formats, posting

    output.line(formats.FORMATS["slack" if dry else form](page).rstrip("\n"))
    if post and not dry:
        posting.post(page, posting.address(here, os.environ), here.config.reports.webhook_env)
        output.note(f"posted to the webhook of {here.config.reports.webhook_env}")
    return 0
