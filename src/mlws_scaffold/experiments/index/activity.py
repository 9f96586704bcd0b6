"""When each version of an experiment was made: one `git log` pass, later only what is new."""

from __future__ import annotations

import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator

from mlws_scaffold.adapters.git import Git, Objects
from mlws_scaffold.experiments.index import cache, drafts, notes, refs
from mlws_scaffold.experiments.index.watch import Seen
from mlws_scaffold.workspace.layout import ARCHIVE, EXPERIMENTS

Touch = tuple[str, str, int]  # path, commit, seconds since 1970

_UNKNOWN = "-"


def since(
    git: Git, prefix: str, tips: Iterable[str], known: Iterable[str], cut: frozenset[str]
) -> Iterator[Touch]:
    """Folders and pages that commits between `known` and `tips` wrote, with commit and time.

    `cut` are the commits at which a shallow clone ends: they tell nothing.
    """
    # Names alone: with the objects written beside them git prints three times as much, and that
    # costs more than everything here. Few objects are ever needed; see `times`.
    pieces = git.pieces(
        "log",
        "--stdin",
        "--ignore-missing",
        "--name-only",
        "-t",
        "-z",
        "--diff-filter=d",
        "--no-renames",
        "--no-ext-diff",
        "--no-relative",
        "--no-color",
        "--diff-merges=off",
        "--format=%x00%H %ct",
        stdin=_between(known, tips),
    )
    start = prefix.encode("utf-8", "surrogateescape")
    homes = b"|".join(re.escape(home).encode() for home in (EXPERIMENTS, ARCHIVE))
    pages = b"|".join(re.escape(home).encode() for home in notes.KINDS)
    path = rb"%s(?:(?:%s)/[^/\0]++/[^/\0]++|(?:%s)/[^\0]++)" % (re.escape(start), homes, pages)
    # Two NUL in a row stand only before a commit: a path is never empty.
    pattern = re.compile(rb"\0(\0[0-9a-f]++ \d++|%s)(?=\0)" % path)
    commit, time = "", 0
    for piece in _whole(pieces):
        for word in pattern.findall(piece):
            if word[0] == 0:
                name, _, seconds = word[1:].partition(b" ")
                commit, time = name.decode(), int(seconds)
                if commit in cut or time > drafts.LATEST:
                    commit = ""
            elif commit:
                yield word[len(start) :].decode("utf-8", "replace"), commit, time


def _between(known: Iterable[str], tips: Iterable[str]) -> str:
    """What `--stdin` is told: the commits of the one and none that the other leads to."""
    return "\n".join([*sorted(set(tips)), *(f"^{commit}" for commit in sorted(set(known)))])


def _whole(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, cut before a NUL; the first of two where they stand in a row."""
    rest = b"\0"
    for piece in pieces:
        both = rest + piece
        end = both.rfind(b"\0", 0, -1)
        if end > 0 and both[end - 1] == 0:
            end -= 1
        # The NUL at the cut ends one word and begins the next.
        yield both[: end + 1]
        rest = both[max(end, 0) :]
    yield rest + b"\0"


def note(connection: sqlite3.Connection, objects: Objects, seen: Seen) -> None:
    """Remember what the commits that are new since the last call wrote, forget those that went."""
    repository = seen.repository
    assert repository is not None  # noqa: S101 - narrows the type
    cut = refs.boundary(repository)
    scope = f"{repository.common}\n{repository.prefix}\n{' '.join(sorted(cut))}"
    kept = scope.encode("utf-8", "surrogateescape")
    before = set((cache.value(connection, "dated") or "").split())
    now = {tip.commit for tip in seen.tips}
    # Deepened or cut: what was at the edge is now dated differently.
    if cache.value(connection, "dated scope") != kept or not _forget(
        connection, repository.git, objects, before - now, now
    ):
        connection.execute("delete from touched")
        cache.remember(connection, "dated scope", kept)
        before = set()
    if now - before:
        connection.executemany(
            "insert or ignore into touched (path, made_by, time) values (?, ?, ?)",
            since(repository.git, repository.prefix, now, before, cut),
        )
    if now != before:
        cache.remember(connection, "dated", " ".join(sorted(now)))


def _forget(
    connection: sqlite3.Connection, git: Git, objects: Objects, gone: set[str], now: set[str]
) -> bool:
    """Drop what commits wrote that no branch leads to any more; False when nobody can say which."""
    if not gone:
        return True
    if None in list(objects.read(sorted(gone), 0)):
        return False
    lines = git.lines("rev-list", "--stdin", "--ignore-missing", stdin=_between(now, gone))
    lost = [(line.decode().strip(),) for line in lines]
    if lost:
        connection.execute("create temp table if not exists lost (made_by primary key)")
        connection.execute("delete from lost")
        connection.executemany("insert into lost values (?)", lost)
        connection.execute("delete from touched where made_by in (select made_by from lost)")
    return True


def times(
    connection: sqlite3.Connection, objects: Objects, seen: Seen
) -> dict[tuple[str, str], int]:
    """When each path and oid of the table `present` was last written, as far as is known.

    Where all branches agree on a path, its last commit tells. Only where they differ git is asked
    which commit wrote which version.
    """
    differing: dict[str, list[str]] = defaultdict(list)
    found: dict[tuple[str, str], int] = {}
    query = (
        "select present.path, present.oid, last from present join"
        " (select path, max(time) as last from touched group by path) using (path)"
    )
    for path, oid, last in connection.execute(query):
        found[path, oid] = last
        differing[path].append(oid)
    several = [path for path, oids in differing.items() if len(oids) > 1]
    _ask(connection, objects, seen, several)
    for path in several:
        query = "select oid, max(time) from touched where path = ? group by oid"
        for oid, time in connection.execute(query, (path,)):
            if (path, oid) in found:
                found[path, oid] = time
    return found


def _ask(
    connection: sqlite3.Connection, objects: Objects, seen: Seen, paths: Iterable[str]
) -> None:
    """Fill in which version of these paths each commit wrote, where that was not asked before."""
    query = "select path, made_by from touched where path = ? and oid = ''"
    asked = [row for path in paths for row in connection.execute(query, (path,))]
    prefix = seen.repository.prefix if seen.repository else ""
    # A line is a question: what no line can hold stays unknown.
    names = [f"{commit}:{prefix}{path}" if "\n" not in path else commit for path, commit in asked]
    answers = objects.read(names, 0)
    connection.executemany(
        "update touched set oid = ? where path = ? and made_by = ?",
        [
            (answer.oid if answer and "\n" not in path else _UNKNOWN, path, commit)
            for (path, commit), answer in zip(asked, answers, strict=True)
        ],
    )
