"""Where the trained weights of a model are: kept where, made by which run, here or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlws_scaffold.adapters import digests
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.models.weights import manifest
from mlws_scaffold.models.weights.manifest import Weights
from mlws_scaffold.workspace.layout import Layout

Here = Literal["yes", "no", "differs", "unreadable"]


@dataclass(frozen=True, slots=True)
class Shown:
    """One version. `here`: whether this machine has exactly what is described."""

    weights: Weights
    here: Here


def show(layout: Layout, key: str) -> list[Shown]:
    """The versions of a model's weights, each hashed where it lies here.

    Raises InvalidFile for a broken description.
    """
    return [
        Shown(weights, _here(weights))
        for version in manifest.versions(layout, key)
        for weights in [manifest.load(layout, key, version)]
    ]


def _here(weights: Weights) -> Here:
    if not weights.path.exists():
        return "no"
    try:
        found = digests.of(weights.path)
    except MlwsError:
        return "unreadable"
    return "yes" if found.sha256 == weights.manifest.sha256 else "differs"
