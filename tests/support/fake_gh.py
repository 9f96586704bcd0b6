"""A `gh` that answers what a test gave it, and refuses everything else as GitHub does."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

_SCRIPT = """\
#!/bin/sh
echo "$*" >> "{folder}/asked"
case "$*" in
{cases}
*) echo "gh: Not Found (HTTP 404)" >&2; exit 1;;
esac
"""

PULL: Mapping[str, Any] = {
    "number": 14,
    "title": "Chunk by sentence | <b>@here</b>",
    "author": {"login": "ann-gh"},
    "state": "OPEN",
    "isDraft": False,
    "reviewDecision": "REVIEW_REQUIRED",
    "updatedAt": "2026-03-02T10:00:00Z",
    "mergedAt": None,
    "headRefName": "experiment/ann/chunking",
    "url": "https://github.com/example/small/pull/14",
    "latestReviews": [],
}
MERGED: Mapping[str, Any] = {
    **PULL,
    "number": 12,
    "title": "Add tools",
    "author": {"login": "bob-at-github"},
    "state": "MERGED",
    "reviewDecision": "APPROVED",
    "updatedAt": "2026-03-06T15:00:00Z",
    "mergedAt": "2026-03-06T15:00:00Z",
    "headRefName": "feature/tools",
    "url": "https://github.com/example/small/pull/12",
    "latestReviews": [
        {"author": {"login": "ann-gh"}, "state": "APPROVED"},
        {"author": {"login": "carol"}, "state": "COMMENTED"},
    ],
}
ALERT: Mapping[str, Any] = {
    "html_url": "https://github.com/example/small/security/dependabot/1",
    "dependency": {"package": {"name": "left-pad"}},
    "security_advisory": {"severity": "high", "summary": "Pads on the wrong side"},
}
# By a part of the command line.
ANSWERS: Mapping[str, Any] = {
    "--state open": [PULL],
    "--state merged": [MERGED],
    "dependabot": [ALERT],
}


def put(
    folder: Path, monkeypatch: pytest.MonkeyPatch, answers: Mapping[str, Any] = ANSWERS
) -> Path:
    """Put it first on PATH; the returned file has the command lines it was called with."""
    folder.mkdir(parents=True)
    cases = []
    for number, (words, answer) in enumerate(answers.items()):
        text = answer if isinstance(answer, str) else json.dumps(answer)
        (folder / f"{number}.json").write_text(text)
        cases.append(f'*"{words}"*) cat "{folder}/{number}.json";;')
    script = folder / "gh"
    script.write_text(_SCRIPT.format(folder=folder, cases="\n".join(cases)))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder / "asked"


def absent(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """A PATH with git and a shell and no `gh`, whatever this machine has."""
    import shutil

    folder.mkdir(parents=True)
    for name in ("git", "sh", "cat"):
        (folder / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(folder))
