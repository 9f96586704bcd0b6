"""The SQLite file behind the index, in the user's state directory. It holds nothing that git does
not: whatever is wrong with it, it is made again.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from mlws_scaffold import __version__
from mlws_scaffold.errors import MlwsError

T = TypeVar("T")

_SCHEMA = """
create table meta (name text primary key, value not null);
create table blobs (oid text primary key, fields text, problems text not null) without rowid;
create table folders (oid text primary key, metadata text not null, readme text not null,
    handoff text not null, link integer not null) without rowid;
create table touched (path text not null, made_by text not null, time integer not null,
    oid text not null default '', primary key (path, made_by)) without rowid;
create table runs (name text primary key, time integer not null) without rowid;
create table documents (id integer primary key, kind text not null, name text not null,
    signature text not null, metadata text not null, folder text not null, branch text not null,
    experiment_id text not null, mlflow_experiment text not null, researcher text not null,
    owner text not null, status text not null, created text not null, goal text not null,
    tags text not null, metrics text not null, best_metric real, metric text not null,
    direction integer not null, uncommitted integer not null, changed integer,
    last_activity integer, activity text not null, row text not null, unique (kind, name));
create index newest on documents (last_activity is null, last_activity desc, name)
    where kind = 'experiment';
create index named on documents (experiment_id);
create index tracked on documents (mlflow_experiment);
create table pages (number integer primary key, page text not null);
create virtual table words using fts5 (title, tags, goal, hypothesis, conclusion, text,
    tokenize = "porter unicode61 remove_diacritics 2");
"""
_TRIGGER = (
    "create trigger {0}d after {0} on documents begin delete from meta where name = 'pages'; end"
)
SECONDS_TO_WAIT = 30
_BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
# A file of another version of mlws, or of other rules for what it holds, is made again.
_MAKERS = ("cache.py", "refresh.py", "rows.py", "parsing.py", "activity.py", "../spec.py")
_RULES = b"".join((Path(__file__).parent / name).read_bytes() for name in _MAKERS)
_VERSION = zlib.crc32(_RULES + __version__.encode()) & 0x7FFFFFFF


def file_for(common: Path, prefix: str) -> Path:
    """Where the index of a repository lies; two workspaces of one repository have one each."""
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state")
    name = os.fsencode(f"{common}\0{prefix}")
    # Two that share the name would only make the file anew at each turn: its stamp holds the place.
    return state / "mlws/index" / f"{zlib.crc32(name):08x}{zlib.adler32(name):08x}" / "index.sqlite"


@contextlib.contextmanager
def opened(path: Path | None, prepare: Callable[[sqlite3.Connection], T]) -> Iterator[T]:
    """What `prepare` makes of the open cache. Broken: made again. Not writable or busy: kept in
    memory.
    """
    connection, done = _prepared(path, prepare)
    try:
        yield done
    except sqlite3.DatabaseError as error:
        if path is None or error.sqlite_errorcode & 0xFF not in _BROKEN:
            raise
        connection.close()
        _remove(path)
        raise MlwsError(f"the index at {path} was damaged: {error}", "call it once more") from None
    finally:
        connection.close()


def value(connection: sqlite3.Connection, name: str) -> Any:
    """What is remembered under the name: a text or bytes, or None."""
    row = connection.execute("select value from meta where name = ?", (name,)).fetchone()
    return row[0] if row else None


def remember(connection: sqlite3.Connection, name: str, content: str | bytes) -> None:
    connection.execute("insert or replace into meta values (?, ?)", (name, content))


def _prepared(
    path: Path | None, prepare: Callable[[sqlite3.Connection], T]
) -> tuple[sqlite3.Connection, T]:
    if path is not None:
        for attempt in (1, 2):
            connection = None
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                connection = _connect(path)
                return connection, prepare(connection)
            except (sqlite3.Error, OSError, ValueError) as error:
                if connection is not None:
                    connection.close()
                code = getattr(error, "sqlite_errorcode", 0) & 0xFF
                if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or attempt == 2:
                    break
                _remove(path)
    connection = _connect(None)
    return connection, prepare(connection)


def _connect(path: Path | None) -> sqlite3.Connection:
    connection = sqlite3.connect(
        ":memory:" if path is None else path, timeout=SECONDS_TO_WAIT, isolation_level=None
    )
    try:
        connection.execute("pragma page_size = 16384")  # of a new file: a list reads nearly all
        (found,) = connection.execute("pragma user_version").fetchone()
        if found != _VERSION:
            connection.execute("begin immediate")
            # Another process may have made it while this one waited.
            (found,) = connection.execute("pragma user_version").fetchone()
            if found != _VERSION:
                _make(connection)
            connection.execute("commit")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _make(connection: sqlite3.Connection) -> None:
    query = "select name from sqlite_master where type = 'table' and name not like 'words\\_%' "
    names = [row[0] for row in connection.execute(query + "escape '\\'")]
    for name in names:
        connection.execute(f'drop table "{name}"')
    for statement in _SCHEMA.split(";"):
        if statement.strip():
            connection.execute(statement)
    for change in ("insert", "update", "delete"):
        connection.execute(_TRIGGER.format(change))
    connection.execute(f"pragma user_version = {_VERSION}")


def _remove(path: Path) -> None:
    for end in ("", "-journal", "-wal", "-shm"):
        with contextlib.suppress(OSError):
            path.with_name(path.name + end).unlink(missing_ok=True)
