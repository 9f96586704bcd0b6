"""People: who is in the team, and whether they did anything lately.

A list of {handle, name, role, active}. `active`: a commit of theirs, by the mailmap, lies in the
last `stale_days` days; null where git cannot tell.
"""

from __future__ import annotations

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.team.snapshot import commits
from mlws_scaffold.team.snapshot.period import Period
from mlws_scaffold.team.snapshot.section import Section
from mlws_scaffold.workspace.config import Workspace

NAME = "people"
SOURCE = "[team] of mlws.toml; git log of all branches"
EMPTY: list[object] = []


def collect(place: Workspace, period: Period) -> Section:
    """Everybody in `[team]`, in its order."""
    days = place.config.reports.stale_days
    seen, notes = _authors(place, f"{period.until.timestamp() - days * 86_400:.0f}")
    rows = [
        {
            "handle": handle,
            "name": person.name,
            "role": person.role,
            "active": None if seen is None else bool(seen & _names(person.email, person.name)),
        }
        for handle, person in place.config.team.items()
    ]
    return Section(NAME, SOURCE, rows, notes=notes)


def _names(email: str, name: str) -> set[str]:
    return {one.casefold() for one in (email, name) if one}


def _authors(place: Workspace, since: str) -> tuple[set[str] | None, tuple[str, ...]]:
    """Addresses and names that committed since then, in small letters."""
    git = Git(place.root)
    done = git.attempt(
        "log",
        *commits.every(git),
        f"--since={since}",
        "--use-mailmap",
        "-z",
        "--format=%aE%x00%aN",
    )
    if done.returncode:
        return None, ("who was active is not measured: git cannot read a history here",)
    return {one.casefold() for one in done.stdout.split("\0") if one}, ()
