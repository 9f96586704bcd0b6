"""A store that several machines share: a PostgreSQL database. Needs the extra `postgres`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from mlws_scaffold.errors import Unavailable
from mlws_scaffold.gpus.store import Again, Overlap, Row, Value

try:
    import psycopg
except ImportError as error:
    raise Unavailable(
        f"[gpus] store is a PostgreSQL database, and psycopg is not installed ({error})",
        "pip install 'mlws-scaffold[postgres]'",
    ) from None

_CONNECT_SECONDS = 10


class Postgresql:
    dialect = "postgresql"

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def now(self) -> int:
        return int(str(self.execute("SELECT extract(epoch FROM clock_timestamp())::bigint")[0][0]))

    def execute(self, sql: str, parameters: Sequence[Value] = ()) -> list[Row]:
        text = sql.replace("%", "%%").replace("?", "%s") if parameters else sql
        with _named():
            # The text is ours throughout; values travel as parameters.
            cursor = self._connection.execute(text.encode(), tuple(parameters) or None)
            return cursor.fetchall() if cursor.description else []

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        with _named(), self._connection.transaction():
            yield

    def lock(self, name: str) -> None:
        self.execute("SELECT 1 FROM pg_advisory_xact_lock(hashtextextended(?, 0))", (name,))

    def version(self, part: str) -> int:
        if self.execute("SELECT to_regclass('mlws_schema')")[0][0] is None:
            return 0
        rows = self.execute("SELECT version FROM mlws_schema WHERE part = ?", (part,))
        return int(str(rows[0][0])) if rows else 0

    def close(self) -> None:
        self._connection.close()


def connect(address: str) -> Postgresql:
    """Open the database of a libpq address. A password belongs in ~/.pgpass or PGPASSWORD."""
    with _named():
        return Postgresql(
            psycopg.connect(address, autocommit=True, connect_timeout=_CONNECT_SECONDS)
        )


@contextlib.contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except psycopg.errors.ExclusionViolation:
        raise Overlap from None
    except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure) as error:
        raise Again(str(error)) from None
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedFile) as error:
        raise Unavailable(
            f"the store refused: {_first_line(error)}",
            "its owner makes the tables once: mlws gpu list as that user (btree_gist comes with"
            " PostgreSQL's contrib package)",
        ) from None
    except psycopg.OperationalError as error:
        raise Unavailable(
            f"the store cannot be reached: {_first_line(error)}",
            "see that the server of [gpus] store runs; whether the last change was made, says"
            " mlws gpu list",
        ) from None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
