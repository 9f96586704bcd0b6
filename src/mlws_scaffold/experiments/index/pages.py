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
    if filters != Filters():
        return _pages(listing.rows(found, filters))
    return _remembered(found)


def _pages(rows: Iterator[str]) -> Iterator[str]:
    while page := ",\n".join(islice(rows, _ROWS)):
        yield page


def _remembered(found: Everywhere) -> Iterator[str]:
    """The kept pages. They go when a document changes (a trigger of the cache sees to that), when
    an experiment becomes stale, and when staleness means another number of days.
    """
    days, _, until = str(cache.value(found.connection, "pages") or "").partition(" ")
    is_kept = days == str(found.stale_days) and int(time.time()) <= int(until)
    if not is_kept and not _keep(found):
        yield from _pages(listing.rows(found, Filters()))
        return
    for (page,) in found.connection.execute("select page from pages order by number"):
        yield page


def _keep(found: Everywhere) -> bool:
    """Make the pages; False when the cache cannot be written right now, as it only saves time."""
    connection, days, now = found.connection, found.stale_days, int(time.time())
    query = (
        "select min(last_activity) from documents"
        " where kind = 'experiment' and status = 'in_progress' and last_activity >= ?"
    )
    connection.execute("pragma busy_timeout = 0")
    try:
        # Read and written in one transaction: what another process changes meanwhile waits.
        connection.execute("begin immediate")
        (first,) = connection.execute(query, (now - days * _DAY,)).fetchone()
        connection.execute("delete from pages")
        pages = _pages(listing.rows(found, Filters()))
        connection.executemany("insert into pages (page) values (?)", ((page,) for page in pages))
        until = (now if first is None else first) + days * _DAY
        cache.remember(connection, "pages", f"{days} {until}")
        connection.execute("commit")
    except sqlite3.OperationalError:
        if connection.in_transaction:
            connection.execute("rollback")
        return False
    finally:
        connection.execute(f"pragma busy_timeout = {cache.SECONDS_TO_WAIT * 1000}")
    return True
