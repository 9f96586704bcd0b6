"""Pull requests that are open, or were merged in the period; asked of GitHub through `gh`.

A list of {number, title, author, state (open, merged), draft, decision (approved,
changes_requested, review_required or empty), updated, merged, branch, url, approved_by (handles)}.
Without `gh`, or where it may not ask, there are none and the section says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlws_scaffold.errors import Unavailable
from mlws_scaffold.team.snapshot import gh
from mlws_scaffold.team.snapshot.period import Period, instant, parsed
from mlws_scaffold.team.snapshot.section import Section, missing
from mlws_scaffold.workspace.config import Workspace

NAME = "reviews"
SOURCE = "gh pr list"
EMPTY: list[object] = []

_FIELDS = (
    "number,title,author,state,isDraft,reviewDecision,updatedAt,"
    "mergedAt,headRefName,url,latestReviews"
)
_MOST = 200


def collect(place: Workspace, period: Period) -> Section:
    """The pull requests, the last updated first. Raises Unavailable when `gh` does not answer."""
    if not gh.is_here():
        return missing(NAME, SOURCE, [], "gh is not installed here")
    found = _asked(place, "open")
    notes = [f"only the newest {_MOST} are shown"] if len(found) >= _MOST else []
    since = f"merged:>={period.since:%Y-%m-%d}"
    found += [one for one in _asked(place, "merged", "--search", since) if _lately(one, period)]
    rows = sorted((_row(one, place) for one in found), key=lambda row: row["number"])
    return Section(
        NAME, SOURCE, sorted(rows, key=lambda row: row["updated"], reverse=True), "", notes
    )


def _asked(place: Workspace, state: str, *more: str) -> list[Mapping[str, Any]]:
    most = str(_MOST)
    return gh.rows(place, "pr", "list", "--state", state, "--limit", most, "--json", _FIELDS, *more)


def _lately(one: Mapping[str, Any], period: Period) -> bool:
    try:
        return period.holds(parsed(str(one["mergedAt"])))
    except (KeyError, ValueError):
        return False


def _row(one: Mapping[str, Any], place: Workspace) -> dict[str, Any]:
    login = str((one.get("author") or {}).get("login") or "")
    try:
        updated, merged = instant(parsed(str(one["updatedAt"]))), one.get("mergedAt") or None
        number = int(one["number"])
        merged = instant(parsed(str(merged))) if merged else None
    except (KeyError, TypeError, ValueError):
        raise Unavailable("gh tells of a pull request without number or date") from None
    return {
        "number": number,
        "title": str(one.get("title") or ""),
        "author": _handle(place, login),
        "state": str(one.get("state") or "").lower(),
        "draft": bool(one.get("isDraft")),
        "decision": str(one.get("reviewDecision") or "").lower(),
        "updated": updated,
        "merged": merged,
        "branch": str(one.get("headRefName") or ""),
        "url": str(one.get("url") or ""),
        "approved_by": _approvers(one, place),
    }


def _approvers(one: Mapping[str, Any], place: Workspace) -> list[str]:
    reviews = one.get("latestReviews") or ()
    logins = [
        str((review.get("author") or {}).get("login") or "")
        for review in reviews
        if isinstance(review, dict) and review.get("state") == "APPROVED"
    ]
    return sorted({_handle(place, login) for login in logins if login})


def _handle(place: Workspace, login: str) -> str:
    team = place.config.team.items()
    named = (key for key, one in team if login and one.github.casefold() == login.casefold())
    return next(named, login)
