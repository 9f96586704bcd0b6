"""One `metadata.yaml`, from the bytes of any branch, as plain values that the cache can keep."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from mlws_scaffold.errors import InvalidFile, Problem

# Fields that are compared with something outside the file; their places are kept for messages.
_PLACED = ("experiment_id", "researcher", "created", "updated", "results")


@dataclass(frozen=True, slots=True)
class Parsed:
    """The fields (None: the file is wrong, see `problems`) and where some of them stand.

    Problems have no path yet: the same bytes may lie on several branches.
    """

    fields: Mapping[str, Any] | None
    problems: tuple[Problem, ...] = ()
    places: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def parse(content: bytes) -> Parsed:
    """Judge the bytes of a file. Never raises for what is in them."""
    # Imported here: a warm index parses nothing, and these cost more than all it does.
    from mlws_scaffold.adapters import documents
    from mlws_scaffold.experiments.spec import Metadata

    try:
        document = documents.parse(content, "")
        metadata = documents.validate(Metadata, document)
    except InvalidFile as error:
        return Parsed(None, error.problems)
    places = {name: document.places[name,] for name in _PLACED if (name,) in document.places}
    return Parsed(_plain(metadata.model_dump(by_alias=True)), (), places)


def oddities(parsed: Parsed, folder: str, path: str, today: date) -> list[Problem]:
    """What a valid file says that cannot be true where and when it stands."""
    fields = parsed.fields or {}
    found = []

    def odd(name: str, message: str, cure: str) -> None:
        found.append(Problem(path, message, cure, name, *parsed.places.get(name, (1, 1))))

    owner = folder.split("/")[2]
    if fields["researcher"] != owner:
        said = f"{fields['researcher']!r} in the folder of {owner!r}"
        odd("researcher", said, f"write {owner}, or move the folder")
    latest = str(today + timedelta(days=1))  # somewhere on earth it is tomorrow already
    for name in ("created", "updated"):
        if (day := fields.get(name)) and day > latest:
            odd(name, f"{day} lies in the future", "write the day it happened")
    results = fields.get("results") or {}
    if results.get("best_metric") is not None and not results.get("run_id"):
        odd("results", "has no run_id", "let it be written: mlws experiment sync")
    return found


def _plain(value: Any) -> Any:
    """Only what JSON and SQLite can hold: dates as text, no infinity, no half of a character."""
    if isinstance(value, dict):
        return {_plain(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)
