"""The rows of a list as JSON, many in one text; those of the plain list are kept for the next call.

Reading ten thousand rows one by one costs three times as much as reading them in twenty pages.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from itertools import islice

from mlws_scaffold.experiments.index import cache, listing
from mlws_scaffold.experiments.index.entries import Everywhere
from mlws_scaffold.experiments.index.listing import Filters

_ROWS = 500
_DAY = 86_400


def texts(found: Everywhere, filters: Filters) -> Iterator[str]:
    """The rows that fit, joined by commas. Raises UsageError as `listing.rows` does."""
    pages = _pages(listing.rows(found, filters))
    return pages if filters != Filters() else _remembered(found, pages)


def _pages(rows: Iterator[str]) -> Iterator[str]:
    while page := ",\n".join(islice(rows, _ROWS)):
        yield page


def _remembered(found: Everywhere, pages: Iterator[str]) -> Iterator[str]:
    """The kept pages. They go when a document changes (a trigger of the cache sees to that), when
    an experiment becomes stale, and when staleness means another number of days.
    """
    days, _, until = str(cache.value(found.connection, "pages") or "").partition(" ")
    if days == str(found.stale_days) and int(time.time()) <= int(until):
        for (page,) in found.connection.execute("select page from pages order by number"):
            yield page
        return
    made = list(pages)
    _keep(found, made)
    yield from made


def _keep(found: Everywhere, pages: list[str]) -> None:
    connection, days = found.connection, found.stale_days
    query = (
        "select min(last_activity) from documents"
        " where kind = 'experiment' and status = 'in_progress' and last_activity >= ?"
    )
    now = int(time.time())
    (first,) = connection.execute(query, (now - days * _DAY,)).fetchone()
    until = now + days * _DAY if first is None else first + days * _DAY
    connection.execute("pragma busy_timeout = 0")
    try:
        connection.execute("begin immediate")
        connection.execute("delete from pages")
        connection.executemany("insert into pages (page) values (?)", ((page,) for page in pages))
        cache.remember(connection, "pages", f"{days} {until}")
        connection.execute("commit")
    except sqlite3.OperationalError:  # busy or full: it was only to save time
        if connection.in_transaction:
            connection.execute("rollback")
    finally:
        connection.execute(f"pragma busy_timeout = {cache.SECONDS_TO_WAIT * 1000}")
