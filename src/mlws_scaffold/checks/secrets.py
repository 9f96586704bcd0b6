"""The rule about secrets. What is found is never shown whole."""

from __future__ import annotations

import re

from mlws_scaffold.checks.check import Check, Result, judged, not_applicable
from mlws_scaffold.checks.target import Target
from mlws_scaffold.errors import Problem

ALLOWED = "mlws: allow-secret"

# Each shape is extended for git (a coarse first sight) and for Python, which then looks closer.
_SHAPES = {
    "a private key": r"-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY( BLOCK)?-----",
    "an AWS access key": r"(AKIA|ASIA)[0-9A-Z]{16}",
    "a GitHub token": r"(gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22})",
    "a GitLab token": r"glpat-[A-Za-z0-9_-]{20}",
    "a Hugging Face token": r"hf_[A-Za-z0-9]{30}",
    "an API key": r"sk-[A-Za-z0-9_-]{20}",
    "a Slack token": r"xox[abeoprs]-[A-Za-z0-9-]{10}",
    "a Google API key": r"AIza[0-9A-Za-z_-]{35}",
}
_COARSE = "|".join(f"({shape})" for shape in _SHAPES.values())
# A token is no part of a longer word: `task-…` is no `sk-…`.
_CLOSE = {what: re.compile(rf"(?<![A-Za-z0-9_-]){shape}") for what, shape in _SHAPES.items()}


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
            if ALLOWED in match.text or not target.touches(match.path):
                continue
            for what, shape in _CLOSE.items():
                found = next(
                    (item for item in shape.finditer(match.text) if _is_random(what, item[0])), None
                )
                if found:
                    message = f"looks like {what} ({found[0][:4]}…)"
                    place = (match.line, found.start() + 1)
                    problems.append(
                        Problem(match.path, message, "revoke it, then take it out", "", *place)
                    )
        return judged(problems)


def _is_random(what: str, text: str) -> bool:
    """Words joined by dashes are no key: a made one has digits."""
    return what == "a private key" or any(sign.isdigit() for sign in text)
