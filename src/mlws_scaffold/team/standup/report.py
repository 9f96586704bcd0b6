"""The standup of a snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlws_scaffold.team.reporting import view as views
from mlws_scaffold.team.reporting.page import Page, flat
from mlws_scaffold.team.standup import things, work

_PARTS = (
    work.commits,
    work.experiments,
    work.runs,
    work.reviews,
    things.models,
    things.deployments,
    things.reservations,
    things.costs,
    things.attention,
)


def of(snapshot: Mapping[str, Any], author: str = "") -> Page:
    """What happened in the period of the snapshot. Raises UsageError for an unknown author."""
    view = views.of(snapshot, author)
    whose = f" of {flat(author)}" if author else ""
    return Page(
        f"Standup{whose} in {view.name}, {view.when(view.until, '%A %d %B %Y')}",
        f"since {view.when(view.since, '%A %d %B %H:%M')}, until"
        f" {view.when(view.until, '%A %H:%M')}, {view.snapshot['zone']}",
        [part(view) for part in _PARTS],
        "mlws report standup",
    )
