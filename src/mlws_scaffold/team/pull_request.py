"""Which pull request is meant and how GitHub is reached, as the environment of a workflow says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from mlws_scaffold.adapters import github
from mlws_scaffold.adapters.github import GitHub
from mlws_scaffold.errors import UsageError

_MERGED = re.compile(r"refs/pull/(\d+)/(?:merge|head)")
_QUEUED = re.compile(r"refs/heads/gh-readonly-queue/.+/pr-(\d+)-[0-9a-f]+")


def connect(environment: Mapping[str, str], repository: str = "") -> GitHub:
    """GITHUB_API_URL (default: github.com's), GITHUB_REPOSITORY, and GITHUB_TOKEN or GH_TOKEN.

    Raises UsageError when no repository is named.
    """
    named = repository or environment.get("GITHUB_REPOSITORY", "")
    if not named:
        raise UsageError("no repository is named", "--repository OWNER/NAME, or GITHUB_REPOSITORY")
    token = environment.get("GITHUB_TOKEN") or environment.get("GH_TOKEN") or ""
    return GitHub(environment.get("GITHUB_API_URL") or github.API, named, token)


def number(environment: Mapping[str, str]) -> int:
    """The pull request that the workflow runs for. Raises UsageError when it runs for none."""
    reference = environment.get("GITHUB_REF", "")
    for pattern in (_MERGED, _QUEUED):
        if found := pattern.fullmatch(reference):
            return int(found[1])
    event = environment.get("GITHUB_EVENT_PATH", "")
    try:
        data = json.loads(Path(event).read_text(encoding="utf-8")) if event else {}
        return int(data["pull_request"]["number"])
    except (OSError, ValueError, KeyError, TypeError):
        cure = "name one with --pr N; in a workflow, run on pull_request and pull_request_review"
        raise UsageError("this runs for no pull request", cure) from None
