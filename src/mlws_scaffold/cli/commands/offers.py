"""`mlws-new --list`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from mlws_scaffold.cli import output, place
from mlws_scaffold.scaffold import offers
from mlws_scaffold.workspace.layout import Layout

_COLUMNS = ("kind", "name", "about", "how")


def show(kinds: Mapping[str, str], as_json: bool) -> None:
    """Print the kinds, their variants, and, in a workspace, the agents in production."""
    root = place.root_if_any()
    found = [
        offers.Offer("kind", name, name, about, f"mlws-new {name} --help")
        for name, about in kinds.items()
    ]
    found += offers.variants()
    if root is not None:
        found += offers.agents(Layout(root))
    rows = [dataclasses.asdict(offer) for offer in found]
    if as_json:
        output.json_document(rows)
        return
    titles = {"kind": "Kinds", "variant": "Variants", "agent": "Agents worth a look"}
    for what, title in titles.items():
        if what == "agent" and root is None:
            output.note("note: outside of a workspace no agent is known")
            continue
        output.line(title)
        output.table(
            _COLUMNS,
            [row for row in rows if row["what"] == what],
            "none yet: mlws-new prototype NAME, then mlws-new agent NAME --from NAME",
        )
        output.line()
