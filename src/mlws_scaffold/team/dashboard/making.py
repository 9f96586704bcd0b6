"""Makes the page of a workspace: asks for the snapshot, renders it, writes the file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlws_scaffold.adapters import files
from mlws_scaffold.errors import InvalidFile, Problem, UsageError
from mlws_scaffold.experiments import journal
from mlws_scaffold.team.dashboard import details, render
from mlws_scaffold.team.snapshot import collect
from mlws_scaffold.team.snapshot.period import Period
from mlws_scaffold.workspace.config import Workspace

PAGE = "docs/experiment-dashboard.html"


@dataclass(frozen=True, slots=True)
class Wish:
    """Where to write, since when to count, and a file to show in place of the workspace."""

    target: Path | None = None
    since: str = "30d"
    snapshot: Path | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """The written page. `changed`: it was another one before; `not_measured`: why, by section."""

    path: Path
    bytes: int
    changed: bool
    not_measured: Mapping[str, str]

    def shape(self) -> Mapping[str, Any]:
        return {**asdict(self), "path": str(self.path)}


def make(place: Workspace, wish: Wish) -> Made:
    """Write the page. Raises UsageError or InvalidFile; the page of before then stays."""
    found = _kept(wish.snapshot) if wish.snapshot else _now(place, wish.since)
    target = wish.target or place.root / PAGE
    if not target.parent.is_dir():
        raise UsageError(f"there is no folder {target.parent}", "make it, or name another --output")
    page = _rendered(found, wish).encode("utf-8", "replace")
    changed = not target.is_file() or target.read_bytes() != page
    if changed:
        files.write(target, page)
    why = {name: one["why"] for name, one in found["sections"].items() if not one["ok"]}
    return Made(target, len(page), changed, why)


def _rendered(found: Mapping[str, Any], wish: Wish) -> str:
    try:
        return render.render(found)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        if not wish.snapshot:
            raise
        said = f"is a snapshot of another shape: {error}"
        raise InvalidFile([Problem(str(wish.snapshot), said, "mlws report snapshot")]) from None


def _now(place: Workspace, since: str) -> dict[str, Any]:
    now, zone = datetime.now(UTC), place.config.reports.timezone
    period = Period(journal.since(since, zone, now), now, zone)
    found = collect.build(place, period)
    experiments = found["sections"]["experiments"]["data"]
    found["sections"][details.NAME] = details.collect(place, period, experiments).shape()
    return found


def _kept(path: Path) -> dict[str, Any]:
    """A snapshot from its file. Raises InvalidFile when it is none."""
    try:
        found = json.loads(path.read_bytes())
        sections = found["sections"].values()
        whole = found["version"] == collect.VERSION and all(
            {"source", "ok", "why", "data"} <= one.keys() for one in sections
        )
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        whole = False
    if not whole:
        said = f"is no snapshot of version {collect.VERSION}"
        raise InvalidFile([Problem(str(path), said, "mlws report snapshot > FILE")])
    return dict(found)
