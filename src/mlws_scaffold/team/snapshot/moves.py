"""Changes of state of experiments in the period, from the commits that changed metadata.yaml.

What a blob says never changes, so what was read of it is kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
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
_MOST_PATHS = 300
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
    earlier = _earlier(place, git, period, changes)
    oids = {oid for one in changes for oid in (one.before, one.after)} | {*earlier.values()}
    said = _said(place, git, sorted(oids - {""}))
    found: dict[str, list[dict[str, Any]]] = {}
    current: dict[str, str] = {}
    for one in changes:
        key, state = said.get(one.after, ("", ""))
        oid = one.before or earlier.get(one.path, "")
        before = said.get(oid, ("", ""))[1] or None
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
    paths = [f":(glob){home}/*/*/{METADATA}" for home in (EXPERIMENTS, ARCHIVE)]
    for one in _log(place, git, f"--since={period.since.timestamp():.0f}", *paths):
        if period.holds(datetime.fromtimestamp(one.at, UTC)):
            yield one


def _earlier(
    place: Workspace, git: Git, period: Period, changes: Sequence[_Change]
) -> Mapping[str, str]:
    """The blob that each path, which seems new, had on some branch before the period."""
    new = sorted({f":(top){one.path}" for one in changes if not one.before})
    until = f"--until={period.since.timestamp() - 1:.0f}"
    found: dict[str, str] = {}
    for at in range(0, len(new), _MOST_PATHS):
        for one in _log(place, git, until, *new[at : at + _MOST_PATHS]):
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


def _said(place: Workspace, git: Git, oids: list[str]) -> dict[str, tuple[str, str]]:
    """The id and the state that each blob says; nothing where it is no valid file."""
    with Kept.opened(place, "states") as kept:
        unknown = [oid for oid in oids if kept.get(oid) is None]
        if unknown:
            with git.objects() as objects:
                for oid, found in zip(unknown, objects.read(unknown, _MOST_BYTES), strict=True):
                    fields: Mapping[str, Any] = {}
                    if found is not None and found.content is not None:
                        fields = parsing.parse(found.content).fields or {}
                    said = [fields.get("experiment_id", ""), fields.get("status", "")]
                    kept.put(oid, json.dumps(said))
        return {oid: tuple(json.loads(kept.get(oid) or '["", ""]')) for oid in oids}
