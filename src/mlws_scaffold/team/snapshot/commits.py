"""Commits of the period on all branches, each once, with who made it by the mailmap.

A list of {commit, branch, author, at, subject, pr, squashed, into}, newest first. `author`: the
handle from `[team]`, else the name. `pr`: the number that the subject names, or null. `squashed`:
its change lies on the default branch in one commit with others of its branch, which is `into`; such
a commit and that one are one piece of work. Merges are no commits here: what they brought is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.experiments.index import refs
from mlws_scaffold.team.snapshot import squashes
from mlws_scaffold.team.snapshot.period import Period, instant
from mlws_scaffold.team.snapshot.section import Section, missing
from mlws_scaffold.workspace import people
from mlws_scaffold.workspace.config import Workspace

NAME = "commits"
SOURCE = "git log of all branches, with the mailmap"
EMPTY: list[object] = []

_FORMAT = "--format=%H%x00%S%x00%aE%x00%aN%x00%ct%x00%s"
_PARTS = 6
_PULL = re.compile(r"(?:\(#(\d+)\)\s*$)|(?:^Merge pull request #(\d+)\b)")


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit as git tells it; `at` in seconds since 1970."""

    commit: str
    ref: str
    email: str
    name: str
    at: int
    subject: str

    @property
    def pr(self) -> int | None:
        found = _PULL.search(self.subject)
        return int(found[1] or found[2]) if found else None


def collect(place: Workspace, period: Period) -> Section:
    """Every commit of the period that is no merge. Raises GitError when git cannot read it."""
    repository = refs.repository(place.root)
    if repository is None:
        return missing(NAME, SOURCE, [], "no git repository")
    git = repository.git
    chosen = default_branch(git, place.config.workspace.default_branch)
    found = list(log(git, period, *every(git)))
    main = {one.commit for one in log(git, period, chosen)} if chosen else set()
    merged = squashes.of(place, git, chosen, [one for one in found if one.commit not in main])
    notes = ("this clone is shallow: older commits are not known",) if repository.shallow else ()
    rows = [_row(place, one, chosen if one.commit in main else one.ref, merged) for one in found]
    return Section(NAME, SOURCE, rows, notes=notes)


def default_branch(git: Git, name: str) -> str:
    """The default branch as the team last saw it: that of origin, else the local one, else none."""
    for ref in (f"refs/remotes/origin/{name}", f"refs/heads/{name}"):
        if git.commit_of(ref):
            return ref
    return ""


def every(git: Git) -> tuple[str, ...]:
    """All branches as `git log` is told of them; in CI what is checked out may be on none."""
    return ("--branches", "--remotes", *(() if git.branch() else ("HEAD",)))


def log(git: Git, period: Period, *which: str) -> Iterator[Commit]:
    """The commits of the period that are no merges, newest first."""
    since = f"--since={period.since.timestamp():.0f}"
    out = git.run("log", "--no-merges", "--source", since, "--use-mailmap", "-z", _FORMAT, *which)
    parts = out.split("\0")
    for at in range(0, len(parts) - _PARTS + 1, _PARTS):
        commit, ref, email, name, when, subject = parts[at : at + _PARTS]
        # git asks by whole seconds, and dates may lie in the future.
        if period.holds(datetime.fromtimestamp(int(when), UTC)):
            yield Commit(commit, ref, email, name, int(when), subject)


def author(place: Workspace, email: str, name: str) -> str:
    """The member whose address or name it is, else the name, else the address."""
    known = people.by_email(place.config, email)
    named = (
        handle
        for handle, person in place.config.team.items()
        if name and name.casefold() in (person.name.casefold(), handle.casefold())
    )
    return known or next(named, name or email)


def short(ref: str) -> str:
    """A branch as people name it."""
    return ref.removeprefix("refs/heads/").removeprefix("refs/remotes/").removeprefix("origin/")


def _row(place: Workspace, one: Commit, ref: str, merged: Mapping[str, str]) -> dict[str, Any]:
    return {
        "commit": one.commit,
        "branch": short(ref),
        "author": author(place, one.email, one.name),
        "at": instant(datetime.fromtimestamp(one.at, UTC)),
        "subject": one.subject,
        "pr": one.pr,
        "squashed": one.commit in merged,
        "into": merged.get(one.commit),
    }
