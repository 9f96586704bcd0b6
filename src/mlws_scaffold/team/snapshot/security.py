"""Open security findings, as far as GitHub tells them; only collected for the audit.

A list of {kind (dependency, code, secret), severity, summary, where, url}. Each kind that GitHub
does not tell becomes a note; where none of them is told, the section says why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mlws_scaffold.errors import Unavailable
from mlws_scaffold.team.snapshot import gh
from mlws_scaffold.team.snapshot.period import Period
from mlws_scaffold.team.snapshot.section import Section, missing
from mlws_scaffold.workspace.config import Workspace

NAME = "security"
SOURCE = "gh api: alerts of Dependabot, code scanning, secret scanning"
EMPTY: list[object] = []

# gh fills in the names.
_REPOSITORY = "repos/{owner}/{repo}"
_OPEN = "alerts?state=open&per_page=100"


def collect(place: Workspace, _period: Period) -> Section:
    """The open alerts of the repository that `gh` finds here."""
    if not gh.is_here():
        return missing(NAME, SOURCE, [], "gh is not installed here")
    rows: list[dict[str, Any]] = []
    notes: list[str] = []
    for kind, (path, read) in _KINDS.items():
        try:
            found = gh.rows(place, "api", f"{_REPOSITORY}/{path}/{_OPEN}")
        except Unavailable as error:
            notes.append(f"{kind}: not measured: {error.message}")
        else:
            rows += [{"kind": kind, **read(one)} for one in found]
    if len(notes) == len(_KINDS):
        return missing(NAME, SOURCE, [], "; ".join(notes))
    return Section(NAME, SOURCE, rows, notes=notes)


def _part(one: Mapping[str, Any], *names: str) -> Any:
    found: Any = one
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _dependency(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "severity": str(_part(one, "security_advisory", "severity") or "unknown"),
        "summary": str(_part(one, "security_advisory", "summary") or "no summary"),
        "where": str(_part(one, "dependency", "package", "name") or ""),
        "url": str(one.get("html_url") or ""),
    }


def _code(one: Mapping[str, Any]) -> dict[str, Any]:
    rule = one.get("rule")
    return {
        "severity": str(_part(one, "rule", "security_severity_level") or "unknown"),
        "summary": str(_part({"rule": rule}, "rule", "description") or "no summary"),
        "where": str(_part(one, "most_recent_instance", "location", "path") or ""),
        "url": str(one.get("html_url") or ""),
    }


def _secret(one: Mapping[str, Any]) -> dict[str, Any]:
    # Never the secret itself, which the answer holds too.
    return {
        "severity": "critical",
        "summary": str(one.get("secret_type_display_name") or "a secret"),
        "where": "",
        "url": str(one.get("html_url") or ""),
    }


_KINDS: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "dependency": ("dependabot", _dependency),
    "code": ("code-scanning", _code),
    "secret": ("secret-scanning", _secret),
}
