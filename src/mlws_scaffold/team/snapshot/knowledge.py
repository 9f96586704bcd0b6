"""What the team wrote down, on any branch: decisions, learnings, handoffs, runbooks.

A list of {kind (adr, learning, handoff, runbook), title, path, branch, at, status, by, text},
newest first. `at` and `by`: of the last commit that wrote it, or of its front matter where that
says so; both null for what is not committed. `text`: its beginning, 300 characters at most.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mlws_scaffold.adapters import texts
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.experiments.index import refs
from mlws_scaffold.experiments.index.refs import Repository
from mlws_scaffold.team.snapshot import commits, fronts, kept
from mlws_scaffold.team.snapshot.kept import Kept
from mlws_scaffold.team.snapshot.period import Period, instant
from mlws_scaffold.team.snapshot.section import Section
from mlws_scaffold.workspace.config import Workspace
from mlws_scaffold.workspace.layout import ARCHIVE, EXPERIMENTS, LEARNINGS

NAME = "knowledge"
SOURCE = "docs/ and HANDOFF.md of all branches (git)"
EMPTY: list[object] = []

HANDOFF = "HANDOFF.md"
# Where each kind lies; a README or an index there is none of them.
PLACES = {"adr": "docs/adrs", "learning": LEARNINGS, "runbook": "docs/runbooks"}
_PATTERNS = (
    *(f"{home}/*.md" for home in PLACES.values()),
    *(f"{home}/*/*/{HANDOFF}" for home in (EXPERIMENTS, ARCHIVE)),
)
_SKIPPED = ("README.md", "index.md", "INDEX.md")
_MOST = 300
_MOST_BYTES = 200_000
_FORMAT = "--format=%x01%H%x00%S%x00%aE%x00%aN%x00%ct"
_GONE = "0" * 40
_STATUS = re.compile(r"^\W*status\W+(\S.*)$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Written:
    path: str
    oid: str
    branch: str
    by: str
    at: int


def collect(place: Workspace, _period: Period) -> Section:
    """Everything that is written down, the newest version of each. Raises GitError."""
    repository = refs.repository(place.root)
    rows: dict[str, dict[str, Any]] = {}
    notes: tuple[str, ...] = ()
    if repository is None:
        notes = ("no git repository: dates and other branches are not known",)
    else:
        with Kept.opened(place, "pages") as pages:
            found = _written(place, repository)
            said = _said(repository.git, pages, [one.oid for one in found])
            rows = {one.path: _row(one, said[one.oid]) for one in found}
    for path in _here(place):
        if path not in rows:
            text = texts.read(place.root / path, path, _MOST_BYTES) or ""
            rows[path] = _row(_Written(path, "", "", "", 0), _read(text))
    ordered = sorted(rows.values(), key=lambda row: (row["at"] or "9", row["path"]), reverse=True)
    return Section(NAME, SOURCE, ordered, notes=notes)


def kind_of(path: str) -> str:
    """Which kind of knowledge a path is; empty for none."""
    folder, _, name = path.rpartition("/")
    if name == HANDOFF and folder.startswith((f"{EXPERIMENTS}/", f"{ARCHIVE}/")):
        return "handoff"
    if not name.endswith(".md") or name in _SKIPPED:
        return ""
    return next((kind for kind, home in PLACES.items() if folder == home), "")


def _here(place: Workspace) -> Iterator[str]:
    for pattern in _PATTERNS:
        for path in sorted(place.root.glob(pattern)):
            name = place.layout.relative(path)
            if kind_of(name) and path.is_file() and not path.is_symlink():
                yield name


def _written(place: Workspace, found: Repository) -> list[_Written]:
    """The last commit of any branch to write each path; not of one that was deleted last.

    Only commits that were not there the last time are looked at.
    """
    tips = sorted({tip.commit for tip in refs.tips(found)})
    stamp = _stamp(place)
    before = kept.read(place, "written", stamp) or {"tips": [], "pages": {}}
    older: list[str] = before["tips"]
    pages: dict[str, list[Any]] = before["pages"]
    if older != tips:
        # A branch that is gone takes along what only it had: then all is looked at again.
        if not _are_reached(found, tips, older):
            older, pages = [], {}
        for path, entry in _log(found, older):
            other = pages.get(path)
            if other is None or entry[-1] >= other[-1]:
                pages[path] = entry
        kept.write(place, "written", stamp, {"tips": tips, "pages": pages})
    return [
        _Written(path, oid, branch, commits.author(place, email, name), at)
        for path, (oid, branch, email, name, at) in pages.items()
        if oid
    ]


def _stamp(place: Workspace) -> str:
    """Who is who in the history depends on the mailmap."""
    text = texts.read(place.root / ".mailmap", ".mailmap", _MOST_BYTES) or ""
    return f"{zlib.crc32(text.encode())}"


def _are_reached(found: Repository, tips: list[str], older: list[str]) -> bool:
    """Whether each of the older commits is in the history of a tip of now."""
    if not older:
        return False
    done = found.git.attempt("rev-list", "--no-walk", *older, "--not", *tips)
    return done.returncode == 0 and not done.stdout.strip()


def _log(found: Repository, older: list[str]) -> Iterator[tuple[str, list[Any]]]:
    """Path, and [oid, branch, address, name, time] of its last change, each path once."""
    names = [f":(glob){one}" for one in _PATTERNS]
    out = found.git.run(
        "log", "--no-merges", "--source", *commits.every(found.git), "--use-mailmap", "--raw",
        "--no-abbrev", "--no-renames", "-z", _FORMAT, *(f"^{one}" for one in older), "--", *names,
    )  # fmt: skip
    seen: set[str] = set()
    for part in out.split("\x01")[1:]:
        _, ref, email, name, rest = part.split("\0", 4)
        when, _, raw = rest.partition("\0")
        words = iter(raw.split("\0"))
        for word in words:
            if not word.lstrip("\n").startswith(":"):
                continue
            mode, oid = word.split(" ")[1], word.split(" ")[3]
            path = next(words, "").removeprefix(found.prefix)
            if path not in seen and kind_of(path):
                seen.add(path)
                there = oid != _GONE and mode.startswith("100")
                yield path, [oid if there else "", commits.short(ref), email, name, int(when)]


def _said(git: Git, pages: Kept, oids: list[str]) -> dict[str, Mapping[str, Any]]:
    """What each blob says, which never changes."""
    unknown = sorted({oid for oid in oids if pages.get(oid) is None})
    with git.objects() as objects:
        for oid, found in zip(unknown, objects.read(unknown, _MOST_BYTES), strict=True):
            content = found.content if found is not None else None
            pages.put(oid, json.dumps(_read((content or b"").decode("utf-8", "replace"))))
    return {oid: json.loads(pages.get(oid) or "{}") for oid in oids}


def _read(text: str) -> dict[str, Any]:
    """Title, beginning, status, author and date of a page."""
    head, body = fronts.split(text)
    lines = body.split("\n")
    title = next((line.lstrip("# ").strip() for line in lines if line.startswith("# ")), "")
    plain = [
        line.strip()
        for line in lines
        if line.strip()
        and not line.startswith(("#", "<!--", "|", "```"))
        and not _STATUS.match(line)
    ]
    status = _STATUS.search(body)
    by = head.get("author") or head.get("by") or head.get("decision-makers")
    return {
        "title": str(head.get("title") or title),
        "text": " ".join(plain)[:_MOST],
        "status": str(head.get("status") or (status[1].strip() if status else "")) or None,
        "by": ", ".join(map(str, by)) if isinstance(by, list) else str(by) if by else None,
        "date": str(head["date"])[:10] if head.get("date") else None,
    }


def _row(one: _Written, said: Mapping[str, Any]) -> dict[str, Any]:
    at = instant(datetime.fromtimestamp(one.at, UTC)) if one.at else None
    if at is None and said.get("date"):
        at = f"{said['date']}T00:00:00Z"
    return {
        "kind": kind_of(one.path),
        "title": said.get("title") or one.path.rpartition("/")[2].removesuffix(".md"),
        "path": one.path,
        "branch": one.branch or None,
        "at": at,
        "status": said.get("status"),
        "by": said.get("by") or one.by or None,
        "text": said.get("text", ""),
    }
