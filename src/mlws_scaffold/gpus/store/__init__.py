"""Where reservations and usage are kept: one protocol, one table by the scheme of the address.

What is stored belongs to whoever stores it: each part brings its own tables (`migrate`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from mlws_scaffold.errors import MlwsError, Unavailable, UsageError
from mlws_scaffold.workspace import state

if TYPE_CHECKING:
    from mlws_scaffold.workspace.config import Workspace

T = TypeVar("T")
Value = str | int | float | None
Row = tuple[Value, ...]

_TRIES = 8


class Overlap(Exception):
    """The database refused a row because it overlaps another; its transaction is undone."""


class Again(Exception):
    """The database undid a transaction in favour of another one: do it once more."""


class _Undone(Exception):
    """The end of a transaction that was only tried."""


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Tables:
    """The tables of one part, as statements that are only ever added at the end.

    The number of statements that were carried out is the version of the part.
    """

    part: str
    sqlite: tuple[str, ...]
    postgresql: tuple[str, ...]


class Store(Protocol):
    """A database. Every method raises Unavailable when it cannot be reached or written."""

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""

    def now(self) -> int:
        """Seconds since 1970 by the clock that all users of this store share."""

    def execute(self, sql: str, parameters: Sequence[Value] = ()) -> list[Row]:
        """Carry out one statement with `?` for each parameter; the rows it returns.

        Raises Overlap when a constraint against overlaps refuses it.
        """

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing; in SQLite there is one writer at a time. May raise Again."""

    def lock(self, name: str) -> None:
        """Inside a transaction: wait for the others that lock this name, until its end."""

    def version(self, part: str) -> int:
        """How many statements of the part were carried out; 0 in an empty database."""

    def close(self) -> None: ...


def _sqlite(address: str, root: Path) -> Store:
    from mlws_scaffold.gpus.store import sqlite

    return sqlite.connect(address, root)


def _postgresql(address: str, _root: Path) -> Store:
    from mlws_scaffold.gpus.store import postgresql

    return postgresql.connect(address)


STORES: Mapping[str, Callable[[str, Path], Store]] = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
}


def address(workspace: Workspace) -> str:
    """`[gpus] store`, or a SQLite file of this user for all clones of the workspace."""
    given = workspace.config.gpus.store
    return given or f"sqlite:///{state.home()}/stores/{workspace.config.workspace.name}.db"


def exists(workspace: Workspace) -> bool:
    """Whether somebody chose a store, or the default one was made."""
    default = state.home() / "stores" / f"{workspace.config.workspace.name}.db"
    return bool(workspace.config.gpus.store) or default.exists()


@contextlib.contextmanager
def open(workspace: Workspace) -> Iterator[Store]:
    """The workspace's store, closed at the end."""
    store = connect(address(workspace), workspace.root)
    try:
        yield store
    finally:
        store.close()


def connect(url: str, root: Path) -> Store:
    """Open the store of this address; a relative path of SQLite starts at `root`."""
    scheme = url.partition(":")[0]
    if scheme not in STORES or "://" not in url:
        raise UsageError(
            f"[gpus] store: {scheme!r} is no store that is known",
            "write sqlite:////srv/mlws/gpus.db for one machine, postgresql://user@host/database"
            " for several",
        )
    return STORES[scheme](url, root)


def migrate(store: Store, tables: Tables) -> None:
    """Bring the part's tables up to date. Raises MlwsError when a newer mlws made them."""
    statements = tables.sqlite if store.dialect == "sqlite" else tables.postgresql
    if _known(store, tables.part, len(statements)) == len(statements):
        return

    def bring_up() -> None:
        store.lock("mlws schema")
        store.execute(
            "CREATE TABLE IF NOT EXISTS mlws_schema (part TEXT PRIMARY KEY, version INTEGER)"
        )
        for statement in statements[_known(store, tables.part, len(statements)) :]:
            store.execute(statement)
        store.execute(
            "INSERT INTO mlws_schema (part, version) VALUES (?, ?)"
            " ON CONFLICT (part) DO UPDATE SET version = excluded.version",
            (tables.part, len(statements)),
        )

    transact(store, bring_up)


def _known(store: Store, part: str, newest: int) -> int:
    version = store.version(part)
    if version > newest:
        raise MlwsError(
            f"the store's {part} have version {version}, this mlws knows {newest}",
            "update mlws-scaffold in this environment",
        )
    return version


def transact(store: Store, work: Callable[[], T]) -> T:
    """Do the work in a transaction, and once more when the database gave way to another.

    Raises Overlap, Unavailable and whatever the work raises.
    """
    for _ in range(_TRIES):
        with contextlib.suppress(Again), store.transaction():
            return work()
    raise Unavailable("the store stayed busy", "try again; another program may hold it open")


class Rehearsal:
    """A store whose transactions are undone at their end: they say what would be."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def dialect(self) -> str:
        return self._store.dialect

    def now(self) -> int:
        return self._store.now()

    def execute(self, sql: str, parameters: Sequence[Value] = ()) -> list[Row]:
        return self._store.execute(sql, parameters)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        with contextlib.suppress(_Undone), self._store.transaction():
            yield
            raise _Undone

    def lock(self, name: str) -> None:
        self._store.lock(name)

    def version(self, part: str) -> int:
        return self._store.version(part)

    def close(self) -> None:
        self._store.close()
