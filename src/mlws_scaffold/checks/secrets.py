"""The rule about secrets. What is found is never shown whole."""

from __future__ import annotations

from mlws_scaffold.checks.check import Check, Result, judged, not_applicable
from mlws_scaffold.checks.target import Target
from mlws_scaffold.errors import Problem
from mlws_scaffold.workspace import secrets

_COARSE = "|".join(f"({shape})" for shape in secrets.SHAPES.values())


class NoSecrets(Check):
    """Whoever can read the repository can use a secret in it, and history never forgets.

    Revoke it first, then put the name without the value into .env.example and read it from the
    environment.
    A line that only looks like one may end with the comment `mlws: allow-secret`.
    """

    id, area, title = "GIT006", "git", "no secrets in files"

    def run(self, target: Target) -> Result:
        if target.repository is None:
            return not_applicable(target.no_repository)
        problems = []
        for match in target.repository.grep(_COARSE):
            if secrets.ALLOWED in match.text or not target.touches(match.path):
                continue
            if found := secrets.found_in(match.text):
                what, column, text = found
                message = f"looks like {what} ({text[:4]}…)"
                place = (match.line, column + 1)
                problems.append(
                    Problem(match.path, message, "revoke it, then take it out", "", *place)
                )
        return judged(problems)
