"""`docs/memory`: a page for each person, and of the progress the part that files tell."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mlws_scaffold.adapters import files, texts
from mlws_scaffold.experiments.index import entries, listing
from mlws_scaffold.experiments.index.listing import Filters
from mlws_scaffold.scaffold.knowledge import indexes, pages
from mlws_scaffold.workspace.config import Workspace
from mlws_scaffold.workspace.layout import MEMORY, METADATA, Layout

PROGRESS = f"{MEMORY}/progress.md"
_PERSON = """\
# {handle}

Works on:

Knows well:

Ask before touching:

Prefers to be asked by:
"""
_MOST_ENDED = 10
_ENDED = ("completed", "failed", "abandoned")


def person(layout: Layout, handle: str) -> str:
    """Make the page of a person unless there is one; returns its path, empty when it was there."""
    path = layout.root / MEMORY / "people" / f"{handle}.md"
    if path.exists():
        return ""
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, _PERSON.format(handle=handle))
    return layout.relative(path)


def missing(place: Workspace) -> list[str]:
    """People of `[team]` without a page, in its order."""
    home = place.root / MEMORY / "people"
    return [handle for handle in place.config.team if not (home / f"{handle}.md").exists()]


def progress(layout: Layout) -> str:
    """The progress page with its generated part as all branches have it now. Raises InvalidFile."""
    old = texts.read(layout.root / PROGRESS, PROGRESS)
    with entries.everywhere(layout) as found:
        rows = [json.loads(row) for row in listing.rows(found, Filters(sort="experiment_id"))]
        ended = [row for row in rows if row["status"] in _ENDED]
        ended.sort(key=lambda row: row["last_activity"] or "", reverse=True)
        said = {
            row["experiment_id"]: listing.detail(found, row["folder"]).metadata
            for row in ended[:_MOST_ENDED]
        }
    going = [row for row in rows if row["status"] in ("in_progress", "blocked")]
    parts = ["## Under way", *_lines(going, {})]
    parts += ["## Concluded last", *_lines(ended[:_MOST_ENDED], said)]
    return indexes.between(old or "# Progress\n", "progress", _joined(parts), PROGRESS)


def _joined(parts: list[str]) -> str:
    """Headings with an empty line around them, list items without."""
    text = ""
    for part in parts:
        lone = part.startswith("## ") or text.rpartition("\n")[2].startswith("## ")
        text += ("" if not text else "\n\n" if lone else "\n") + part
    return text


def _lines(rows: list[dict[str, Any]], said: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return [_line(row, said.get(row["experiment_id"], {})) for row in rows] or ["None."]


def _line(row: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    """Where it is read from is the reader's link: the file is on a branch that he may not have."""
    best = ""
    if row["best_metric"] is not None:
        best = f", {pages.escaped(row['metric'] or 'best')} {row['best_metric']:.6g}"
    end = metadata.get("conclusion") or row["goal"]
    decision = f", {row['decision']}" if row["decision"] else ""
    return (
        f"- {row['experiment_id']} ({row['owner']}, {row['status']}{decision}{best}):"
        f" {pages.escaped(end)} [`{row['folder']}/{METADATA}` on `{row['branch']}`]"
    )
