"""`mlws report`: the group; each of its commands is a file of its own."""

from __future__ import annotations

import click

from mlws_scaffold.cli.lazy import LazyGroup

_COMMANDS = "mlws_scaffold.cli.commands"

TABLE = {
    "snapshot": (f"{_COMMANDS}.report_snapshot:snapshot", "All that the reports are made from."),
    "standup": (f"{_COMMANDS}.report_standup:standup", "What happened since the last working day."),
    "weekly": (f"{_COMMANDS}.report_weekly:weekly", "What the week came to, and what to change."),
    "audit": (f"{_COMMANDS}.report_audit:audit", "Licences, cards, approvals, open findings."),
    "cost": (f"{_COMMANDS}.report_cost:cost", "What GPUs cost, by whom, against which budget."),
    "dashboard": (f"{_COMMANDS}.report_dashboard:dashboard", "The team's page: one HTML file."),
}


@click.group(cls=LazyGroup, table=TABLE)
def report() -> None:
    """Reports: every number has a source, or says that it is not measured."""
