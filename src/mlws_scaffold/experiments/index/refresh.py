"""Brings the cache into step with git and the working tree."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict

from mlws_scaffold.adapters.git import Objects
from mlws_scaffold.errors import Problem
from mlws_scaffold.experiments.index import (
    activity,
    branches,
    cache,
    drafts,
    notes,
    parsing,
    partial,
    refs,
    rows,
)
from mlws_scaffold.experiments.index.branches import Version
from mlws_scaffold.experiments.index.drafts import Draft
from mlws_scaffold.experiments.index.parsing import Parsed
from mlws_scaffold.experiments.index.refs import Repository
from mlws_scaffold.experiments.index.rows import Candidate
from mlws_scaffold.experiments.index.watch import Seen
from mlws_scaffold.workspace.layout import HANDOFF

MOST_METADATA = 1_000_000
MOST_TEXT = 200_000
MISSING = "its content is missing here"
_MISSING = Parsed(None, (Problem("", MISSING, "git fetch, where the network reaches"),))


def refresh(connection: sqlite3.Connection, seen: Seen) -> None:
    """Make the cache say what git and the working tree say, in one transaction."""
    connection.execute("begin immediate")
    try:
        changed = _changed(seen)
        fingerprint = _fingerprint(seen, changed)
        if cache.value(connection, "fingerprint") != fingerprint:
            problems = _renew(connection, seen, changed)
            cache.remember(connection, "problems", json.dumps([asdict(item) for item in problems]))
            # What is missing may be had the next time, though no branch moves.
            whole = not any(item.message == MISSING for item in problems)
            cache.remember(connection, "fingerprint", fingerprint if whole else b"")
        is_kept = seen.settled and cache.value(connection, "fingerprint") == fingerprint
        cache.remember(connection, "seen", seen.stamp if is_kept else b"")
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise


def _changed(seen: Seen) -> list[str]:
    """The folders and pages with uncommitted work; without a repository all of them."""
    if seen.repository is None:
        return drafts.every(seen.layout)
    return drafts.changed(seen.repository.git, seen.repository.prefix)


def _fingerprint(seen: Seen, changed: list[str]) -> bytes:
    """Equal as long as the rows would be: it knows nothing of files that are as committed."""
    names = refs.fingerprint(seen.repository, seen.tips) if seen.repository else ""
    parts = (str(seen.layout.root), seen.today, names, drafts.stamp(seen.layout, changed))
    return "\n".join(parts).encode("utf-8", "surrogateescape")


def _renew(connection: sqlite3.Connection, seen: Seen, changed: list[str]) -> list[Problem]:
    if seen.repository is None:
        found = _uncommitted(connection, seen, changed)
        return rows.write(connection, found, seen.today, _nothing)
    with seen.repository.git.objects() as objects:
        versions, problems = branches.versions(objects, seen.repository.prefix, seen.tips)
        activity.note(connection, objects, seen)
        _read_folders(connection, objects, seen.repository, versions)
        found = _committed(connection, objects, seen, versions)
        found += _uncommitted(connection, seen, changed)
        return problems + rows.write(
            connection, found, seen.today, _reader(objects, seen.repository)
        )


def _read_folders(
    connection: sqlite3.Connection,
    objects: Objects,
    repository: Repository,
    versions: Iterable[Version],
) -> None:
    """Read the folders, and parse the metadata, that no earlier call has seen."""
    known = {row[0] for row in connection.execute("select oid from folders")}
    wanted = {version.oid for version in versions if not notes.is_below(version.path)}
    new = sorted(wanted - known)
    connection.executemany(
        "insert or replace into folders values (?, ?, ?, ?, ?)",
        (
            (oid, found.metadata, found.readme, found.handoff, found.link)
            for oid, found in zip(new, branches.files(objects, new), strict=True)
        ),
    )
    query = (
        "select distinct metadata from folders where metadata <> ''"
        " and metadata not in (select oid from blobs)"
    )
    # What was missing may have come since.
    connection.execute("delete from blobs where problems = ?", (_told(_MISSING),))
    unread = [row[0] for row in connection.execute(query)]
    contents = partial.read(repository, objects, unread, MOST_METADATA)
    for oid, content in zip(unread, contents, strict=True):
        if content is None:
            parsed = _MISSING
        elif content.content is None:
            parsed = Parsed(None, (drafts.too_large("", content.size),))
        else:
            parsed = parsing.parse(content.content)
        _keep(connection, oid, parsed)


def _keep(connection: sqlite3.Connection, oid: str, parsed: Parsed) -> None:
    fields = None if parsed.fields is None else json.dumps(parsed.fields)
    connection.execute(
        "insert or replace into blobs values (?, ?, ?)", (oid, fields, _told(parsed))
    )


def _told(parsed: Parsed) -> str:
    """The problems of a file and the places in it, as they are kept."""
    problems = [asdict(item) for item in parsed.problems]
    return json.dumps({"problems": problems, "places": dict(parsed.places)})


def _committed(
    connection: sqlite3.Connection, objects: Objects, seen: Seen, versions: Iterable[Version]
) -> list[Candidate]:
    connection.execute(
        "create temp table if not exists present (number integer primary key, path, oid, branch)"
    )
    connection.execute("delete from present")
    connection.executemany(
        "insert into present (path, oid, branch) values (?, ?, ?)",
        ((item.path, item.oid, item.branch) for item in versions),
    )
    times = activity.times(connection, objects, seen)
    query = (
        "select number, path, oid, branch, metadata, readme, handoff, link"
        " from present left join folders using (oid) order by number"
    )
    found = []
    for number, path, oid, branch, metadata, readme, handoff, link in connection.execute(query):
        time = times.get((path, oid))
        if kind := notes.kind_of(path):
            found.append(Candidate(kind, path, oid, branch, time, number, "", oid))
        elif metadata or link:
            found.append(Candidate("experiment", path, oid, branch, time, number, metadata, readme))
            if handoff:
                page = f"{path}/{HANDOFF}"
                found.append(
                    Candidate(notes.HANDOFF, page, handoff, branch, time, number, "", handoff)
                )
    return found


def _uncommitted(
    connection: sqlite3.Connection, seen: Seen, changed: Iterable[str]
) -> list[Candidate]:
    found = []
    current = next((tip for tip in seen.tips if tip.current), None)
    branch = current.branch if current else ""
    if not branch and seen.repository:
        branch = seen.repository.git.branch()  # before its first commit
    for folder in changed:
        if kind := notes.kind_of(folder):
            if page := drafts.page(seen.layout, folder):
                found.append(
                    Candidate(
                        kind, page.folder, f"{page.oid} {page.time}", branch,
                        page.time, -1, "", page.readme, True,
                    )
                )  # fmt: skip
            continue
        draft = drafts.read(seen.layout, folder)
        if draft is None:
            continue
        _parse_draft(connection, draft)
        found.append(
            Candidate(
                "experiment", draft.folder, f"{draft.oid} {draft.time}", branch,
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


def _reader(objects: Objects, repository: Repository) -> rows.Reader:
    def read(oids: Sequence[str]) -> Iterator[str]:
        for found in partial.read(repository, objects, oids, MOST_TEXT):
            content = found.content if found else None
            yield (content or b"").decode("utf-8", "replace")

    return read
