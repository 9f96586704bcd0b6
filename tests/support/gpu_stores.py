"""The stores that a law has to hold on: SQLite, and a real PostgreSQL where one is installed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlws_scaffold.gpus import store
from mlws_scaffold.gpus.store import Store
from tests.support import postgresql

BOTH = ("sqlite", pytest.param("postgresql", marks=pytest.mark.services))


@contextlib.contextmanager
def address(kind: str, folder: Path) -> Iterator[str]:
    """The address of an empty store; skips where PostgreSQL is not installed."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/gpus.db"
        return
    if postgresql.programs() is None:
        pytest.skip("no PostgreSQL: initdb is not installed")
    pytest.importorskip("psycopg")
    with postgresql.running(folder / "postgresql") as url:
        yield url


@contextlib.contextmanager
def opened(url: str) -> Iterator[Store]:
    made = store.connect(url, Path("/"))
    try:
        yield made
    finally:
        made.close()
