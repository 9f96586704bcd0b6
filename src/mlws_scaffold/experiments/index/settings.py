"""The few settings that a listing needs, without reading the configuration at each call."""

from __future__ import annotations

import json
import os
import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path

from mlws_scaffold.experiments.index import cache
from mlws_scaffold.workspace.layout import CONFIG

_MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Settings:
    """`tracking` as configured; `store` is its file when that is a SQLite store, else empty."""

    stale_days: int
    tracking: str
    store: str


def of(connection: sqlite3.Connection, root: Path) -> Settings:
    """What `mlws.toml` and the environment say. Remembered as long as both say the same.

    Raises InvalidFile as reading the configuration does, which costs more than a warm listing.
    """
    key = _key(root)
    if key and cache.value(connection, "settings of") == key:
        return Settings(**json.loads(cache.value(connection, "settings")))
    from mlws_scaffold.adapters import mlflow
    from mlws_scaffold.workspace import config

    found = config.load(root).config
    store = mlflow.sqlite_file(found.tracking.uri, root)
    known = Settings(found.reports.stale_days, found.tracking.uri, str(store or ""))
    cache.remember(connection, "settings", json.dumps(asdict(known)))
    cache.remember(connection, "settings of", key)
    return known


def _key(root: Path) -> bytes:
    """All that the settings follow from; empty when the file cannot be read."""
    try:
        with (root / CONFIG).open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError:
        return b""
    given = sorted(item for item in os.environ.items() if item[0].startswith("MLWS_"))
    return content + os.fsencode(f"\0{root}\0{given!r}")
