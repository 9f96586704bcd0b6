"""Changes of state of experiments in the period, from the commits that changed metadata.yaml.

What a blob says never changes, so what was read of it is kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.experiments.index import parsing, refs
from mlws_scaffold.team.snapshot import commits
from mlws_scaffold.team.snapshot.kept import Kept
from mlws_scaffold.team.snapshot.period import Period, instant
from mlws_scaffold.workspace.config import Workspace
from mlws_scaffold.workspace.layout import ARCHIVE, EXPERIMENTS, METADATA

_FORMAT = "--format=%x01%H%x00%S%x00%aE%x00%aN%x00%ct"
_MOST_BYTES = 1_000_000
_FEW = 30
_ALL = [f":(glob){home}/*/*/{METADATA}" for home in (EXPERIMENTS, ARCHIVE)]
_NONE = '["", "", ""]'
_NOTHING = "0" * 40


@dataclass(frozen=True, slots=True)
class _Change:
    commit: str
    ref: str
    author: str
    at: int
    path: str
    before: str
    after: str


def of(place: Workspace, period: Period) -> Mapping[str, list[dict[str, Any]]]:
    """The moves of each experiment, oldest first; `from` is null where it began.

    The same change on two branches counts once, the first time. Raises GitError.
    """
    repository = refs.repository(place.root)
    if repository is None:
        return {}
    git = repository.git
    changes = sorted(_changes(place, git, period), key=lambda one: one.at)
    said = _said(place, git, {oid for one in changes for oid in (one.before, one.after)})
    begin = f"{period.local(period.since):%Y-%m-%d}"
    # Only what is older than the period can have been there before it.
    old = {one.path for one in changes if not one.before and said[one.after][2] < begin}
    earlier = _earlier(place, git, period, old)
    said |= _said(place, git, {*earlier.values()})
    found: dict[str, list[dict[str, Any]]] = {}
    current: dict[str, str] = {}
    for one in changes:
        key, state, _ = said[one.after]
        before = said[one.before or earlier.get(one.path, "")][1] or None
        if not key or before == state:
            continue
        # What a branch began and main takes over later is one move: the first.
        before = current.get(key) or before
        current[key] = state
        if before == state:
            continue
        found.setdefault(key, []).append(
            {
                "at": instant(datetime.fromtimestamp(one.at, UTC)),
                "by": one.author,
                "from": before,
                "to": state,
                "commit": one.commit,
                "branch": commits.short(one.ref),
            }
        )
    return found


def _changes(place: Workspace, git: Git, period: Period) -> Iterator[_Change]:
    """Everything that a commit of the period did to a metadata.yaml."""
    for one in _log(place, git, f"--since={period.since.timestamp():.0f}", *_ALL):
        if period.holds(datetime.fromtimestamp(one.at, UTC)):
            yield one


def _earlier(place: Workspace, git: Git, period: Period, paths: Set[str]) -> Mapping[str, str]:
    """The blob that each of these paths, which seem new, had on some branch before the period."""
    if not paths:
        return {}
    # git compares each path with each change: of many paths all are asked for at once.
    asked = [f":(top,literal){path}" for path in sorted(paths)] if len(paths) <= _FEW else _ALL
    found: dict[str, str] = {}
    for one in _log(place, git, f"--until={period.since.timestamp() - 1:.0f}", *asked):
        if one.path in paths:
            found.setdefault(one.path, one.after)
    return found


def _log(place: Workspace, git: Git, which: str, *paths: str) -> Iterator[_Change]:
    out = git.run(
        "log", "--no-merges", "--source", *commits.every(git), which, "--use-mailmap",
        "--raw", "--no-abbrev", "-M", "-z", _FORMAT, "--", *paths,
    )  # fmt: skip
    for part in out.split("\x01")[1:]:
        commit, ref, email, name, rest = part.split("\0", 4)
        when, _, raw = rest.partition("\0")
        who = commits.author(place, email, name)
        words = iter(raw.split("\0"))
        for word in words:
            if word.lstrip("\n").startswith(":"):
                _, _, before, after, how = word.lstrip("\n")[1:].split(" ", 4)
                path = next(words, "")
                path = next(words, path) if how[0] in "RC" else path
                oids = ("" if oid == _NOTHING else oid for oid in (before, after))
                yield _Change(commit, ref, who, int(when), path, *oids)


def _said(place: Workspace, git: Git, oids: Set[str]) -> dict[str, tuple[str, str, str]]:
    """The id, the state and the day of creation that each blob says; nothing if it is not valid."""
    with Kept.opened(place, "said") as kept:
        unknown = sorted(oid for oid in oids - {""} if kept.get(oid) is None)
        with git.objects() as objects:
            for oid, found in zip(unknown, objects.read(unknown, _MOST_BYTES), strict=True):
                fields: Mapping[str, Any] = {}
                if found is not None and found.content is not None:
                    fields = parsing.parse(found.content).fields or {}
                names = ("experiment_id", "status", "created")
                kept.put(oid, json.dumps([fields.get(name, "") for name in names]))
        texts = {oid: kept.get(oid) or _NONE for oid in oids | {""}}
        return {oid: tuple(json.loads(text)) for oid, text in texts.items()}
