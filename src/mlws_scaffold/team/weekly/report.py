"""The weekly review of a snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlws_scaffold.team.reporting import view as views
from mlws_scaffold.team.reporting.page import Page, flat
from mlws_scaffold.team.standup import things, work
from mlws_scaffold.team.weekly import progress, stock

_PARTS = (
    progress.totals,
    progress.people,
    progress.concluded,
    work.runs,
    work.reviews,
    stock.models,
    stock.agents,
    stock.gpus,
    things.costs,
    things.reservations,
    stock.learnings,
    stock.recommendations,
)


def of(snapshot: Mapping[str, Any], author: str = "") -> Page:
    """The review of the period of the snapshot. Raises UsageError for an unknown author."""
    view = views.of(snapshot, author)
    whose = f" of {flat(author)}" if author else ""
    return Page(
        f"Weekly review{whose} in {view.name}, {view.when(view.until, 'week %V of %G')}",
        f"since {view.when(view.since, '%A %d %B %H:%M')}, until"
        f" {view.when(view.until, '%A %d %B %H:%M')}, {view.snapshot['zone']}",
        [part(view) for part in _PARTS],
        "mlws report weekly",
    )
