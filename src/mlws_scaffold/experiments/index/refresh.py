"""Brings the cache into step with git and the working tree. Unchanged: three git calls, no more."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

from mlws_scaffold.adapters.git import Objects
from mlws_scaffold.errors import Problem
from mlws_scaffold.experiments.index import activity, branches, drafts, parsing, rows
from mlws_scaffold.experiments.index.branches import LEARNINGS, Repository, Tip, Version
from mlws_scaffold.experiments.index.drafts import Draft
from mlws_scaffold.experiments.index.parsing import Parsed
from mlws_scaffold.experiments.index.rows import Candidate
from mlws_scaffold.workspace.layout import Layout

MOST_METADATA = 1_000_000
MOST_TEXT = 200_000


@dataclass(frozen=True, slots=True)
class Sources:
    """What the index is made of at this moment."""

    layout: Layout
    repository: Repository | None
    tips: Sequence[Tip]
    changed: Sequence[str]
    today: str = field(default_factory=lambda: str(datetime.now(UTC).date()))

    @property
    def fingerprint(self) -> str:
        refs = branches.fingerprint(self.repository, self.tips) if self.repository else ""
        return "\n".join((self.today, refs, drafts.stamp(self.layout, list(self.changed))))


def look(layout: Layout) -> Sources:
    """Ask git for branches and uncommitted work. Without a repository only the files count."""
    repository = branches.repository(layout.root)
    if repository is None:
        return Sources(layout, None, (), drafts.every(layout))
    tips = branches.tips(repository)
    return Sources(layout, repository, tips, drafts.changed(repository.git, repository.prefix))


def refresh(connection: sqlite3.Connection, sources: Sources) -> None:
    """Make the cache say what the sources say, in one transaction."""
    if value(connection, "fingerprint") == sources.fingerprint:
        return
    connection.execute("begin immediate")
    try:
        fingerprint = sources.fingerprint
        problems: list[Problem] = []
        found: list[Candidate] = []
        if sources.repository:
            with sources.repository.git.objects() as objects:
                versions, problems = branches.versions(
                    objects, sources.repository.prefix, sources.tips
                )
                _date(connection, sources)
                _read_folders(connection, objects, versions)
                found = _committed(connection, versions)
                found += _uncommitted(connection, sources)
                problems += rows.write(connection, found, sources.today, _reader(objects))
        else:
            found = _uncommitted(connection, sources)
            problems += rows.write(connection, found, sources.today, _nothing)
        _set(connection, "problems", json.dumps([asdict(item) for item in problems]))
        _set(connection, "fingerprint", fingerprint)
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise


def value(connection: sqlite3.Connection, name: str) -> str:
    """A remembered text, or the empty one."""
    row = connection.execute("select value from meta where name = ?", (name,)).fetchone()
    return str(row[0]) if row else ""


def _set(connection: sqlite3.Connection, name: str, text: str) -> None:
    connection.execute("insert or replace into meta values (?, ?)", (name, text))


def _date(connection: sqlite3.Connection, sources: Sources) -> None:
    """Note when each version was made; of commits that were read before nothing is asked."""
    repository = sources.repository
    assert repository is not None  # noqa: S101 - narrows the type
    cut = branches.boundary(repository)
    scope = f"{repository.prefix}\n{' '.join(sorted(cut))}"
    if value(connection, "dated scope") != scope:
        # Deepened or cut: what was at the edge is now dated differently.
        connection.execute("delete from touched")
        _set(connection, "dated", "")
        _set(connection, "dated scope", scope)
    before = value(connection, "dated").split()
    now = sorted({tip.commit for tip in sources.tips})
    if not now or before == now:
        return
    connection.executemany(
        "insert into touched values (?, ?, ?)"
        " on conflict (path, oid) do update set time = max(time, excluded.time)",
        activity.since(repository.git, repository.prefix, now, before, cut),
    )
    _set(connection, "dated", " ".join(now))


def _read_folders(
    connection: sqlite3.Connection, objects: Objects, versions: Iterable[Version]
) -> None:
    """Read the folders, and parse the metadata, that no earlier call has seen."""
    known = {row[0] for row in connection.execute("select oid from folders")}
    wanted = {version.oid for version in versions if not version.path.startswith(LEARNINGS)}
    new = sorted(wanted - known)
    connection.executemany(
        "insert or replace into folders values (?, ?, ?, ?)",
        (
            (oid, found.metadata, found.readme, found.link)
            for oid, found in zip(new, branches.files(objects, new), strict=True)
        ),
    )
    query = (
        "select distinct metadata from folders where metadata <> ''"
        " and metadata not in (select oid from blobs)"
    )
    unread = [row[0] for row in connection.execute(query)]
    for oid, content in zip(unread, objects.read(unread, MOST_METADATA), strict=True):
        if content is None:
            parsed = Parsed(None, (Problem("", "its content is missing here", "git fetch"),))
        elif content.content is None:
            parsed = Parsed(None, (drafts.too_large("", content.size),))
        else:
            parsed = parsing.parse(content.content)
        _keep(connection, oid, parsed)


def _keep(connection: sqlite3.Connection, oid: str, parsed: Parsed) -> None:
    fields = None if parsed.fields is None else json.dumps(parsed.fields)
    kept = {"problems": [asdict(item) for item in parsed.problems], "places": dict(parsed.places)}
    connection.execute(
        "insert or replace into blobs values (?, ?, ?)", (oid, fields, json.dumps(kept))
    )


def _committed(connection: sqlite3.Connection, versions: Iterable[Version]) -> list[Candidate]:
    connection.execute(
        "create temp table if not exists present (number integer primary key, path, oid, branch)"
    )
    connection.execute("delete from present")
    connection.executemany(
        "insert into present (path, oid, branch) values (?, ?, ?)",
        ((item.path, item.oid, item.branch) for item in versions),
    )
    query = (
        "select number, present.path, oid, branch, coalesce(time, (select max(time) from"
        " touched as any where any.path = present.path)), metadata, readme, link from present"
        " left join touched using (path, oid) left join folders using (oid) order by number"
    )
    found = []
    for number, path, oid, branch, time, metadata, readme, link in connection.execute(query):
        if path.startswith(LEARNINGS):
            found.append(Candidate("learning", path, oid, branch, time, number, "", oid))
        elif metadata or link:
            found.append(Candidate("experiment", path, oid, branch, time, number, metadata, readme))
    return found


def _uncommitted(connection: sqlite3.Connection, sources: Sources) -> list[Candidate]:
    found = []
    current = next((tip for tip in sources.tips if tip.current), None)
    branch = current.branch if current else ""
    if not branch and sources.repository:
        branch = sources.repository.git.branch()  # before its first commit
    for folder in sources.changed:
        draft = drafts.read(sources.layout, folder)
        if draft is None:
            continue
        _parse_draft(connection, draft)
        found.append(
            Candidate(
                "experiment", folder, f"{draft.oid} {draft.time}", branch,
                draft.time, -1, draft.oid, draft.readme, True,
            )
        )  # fmt: skip
    return found


def _parse_draft(connection: sqlite3.Connection, draft: Draft) -> None:
    if draft.problem:
        _keep(connection, draft.oid, Parsed(None, (draft.problem,)))
        return
    query = "select 1 from blobs where oid = ?"
    if connection.execute(query, (draft.oid,)).fetchone() is None:
        _keep(connection, draft.oid, parsing.parse(draft.metadata))


def _nothing(oids: Sequence[str]) -> Iterator[str]:
    """Reads no committed file, since there is none without a repository."""
    return iter([""] * len(oids))


def _reader(objects: Objects) -> rows.Reader:
    def read(oids: Sequence[str]) -> Iterator[str]:
        for found in objects.read(oids, MOST_TEXT):
            content = found.content if found else None
            yield (content or b"").decode("utf-8", "replace")

    return read
