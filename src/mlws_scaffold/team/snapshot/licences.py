"""Licences of models, weights and data; only collected for the audit.

A list of {kind (model, weights, data), name, licence, where, card, by}. licence: as its file has
it, null where none is written. `where`: the file. `card`: of a model, the path of its card, null
where there is none. `by`: who added weights; whose experiment uses data.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from mlws_scaffold.errors import InvalidFile
from mlws_scaffold.experiments.index import entries, listing
from mlws_scaffold.models import registry
from mlws_scaffold.models.lifecycle import cards
from mlws_scaffold.models.weights import manifest
from mlws_scaffold.team.snapshot import fronts
from mlws_scaffold.team.snapshot.period import Period
from mlws_scaffold.team.snapshot.section import Section
from mlws_scaffold.workspace.config import Workspace
from mlws_scaffold.workspace.layout import METADATA

NAME = "licences"
SOURCE = "models/cards, models/checkpoints, data in metadata.yaml of all branches"
EMPTY: list[object] = []


def collect(place: Workspace, _period: Period) -> Section:
    """Everything that has a licence or should have one. Raises InvalidFile."""
    notes: list[str] = []
    rows = [*_models(place, notes), *_weights(place, notes), *_data(place)]
    return Section(NAME, SOURCE, rows, notes=notes)


def _models(place: Workspace, notes: list[str]) -> Iterator[dict[str, Any]]:
    for key, model in registry.load(place.layout).models.items():
        try:
            text = cards.read(place.layout, key)
        except InvalidFile as error:
            notes.append(f"left out: {error.problems[0]}")
            text = None
        fields = fronts.split(text or "")[0]
        path = None if text is None else cards.name_of(key)
        licence = fields.get("license")
        yield _row(
            "model", key, licence, path or "models/registry.yaml", ", ".join(model.owners)
        ) | {"card": path}


def _weights(place: Workspace, notes: list[str]) -> Iterator[dict[str, Any]]:
    known = manifest.known(place.layout)
    notes += [f"left out: {problem}" for problem in known.problems]
    for one in known.weights:
        where = place.layout.relative(place.layout.checkpoint(one.key, one.version))
        yield _row(
            "weights",
            f"{one.key} {one.version}",
            one.manifest.licence,
            where,
            one.manifest.by or "",
        )


def _data(place: Workspace) -> Iterator[dict[str, Any]]:
    with entries.everywhere(place.layout) as found:
        texts = list(listing.with_metadata(found, 0))
    for text, metadata in texts:
        row = json.loads(text)
        for one in json.loads(metadata).get("data") or ():
            where = f"{row['folder']}/{METADATA} on {row['branch']}"
            yield _row("data", one["name"], one.get("licence"), where, row["owner"])


def _row(kind: str, name: str, licence: object, where: str, by: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "name": name,
        "licence": str(licence) if licence else None,
        "where": where,
        "card": None,
        "by": by or None,
    }
