"""Whether everything is at the newest release already: the answer that most updates get.

It looks at the answers files as they are staged (the last commit's, unless somebody is at work on
them), asks git twice and imports next to nothing. What is unusual it leaves to the whole update.
"""

from __future__ import annotations

import re
from pathlib import Path

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.workspace.layout import ANSWERS

_BEFORE_FINAL = r"v?\d+(?:\.\d+)*[-_.]?(?:a|b|c|rc|alpha|beta|pre|preview|dev)[-_.]?\d*"
_SECONDS = 120.0


def newest(root: Path) -> str | None:
    """The release that every project of the workspace is at, or None when that is not certain."""
    if not (root / ".git").is_dir() or (root / ".git/mlws-update").exists():
        return None
    git = Git(root)
    flags = ("--cached", "--threads=1", "-z", "--no-color")
    wanted = ("-e", "^_commit:", "-e", "^_src_path:")
    done = git.attempt("grep", *flags, *wanted, "--", f":(glob)**/{ANSWERS}")
    found: dict[str, dict[str, str]] = {}
    for row in done.stdout.splitlines():
        path, _, text = row.partition("\0")
        key, _, value = text.partition(": ")
        found.setdefault(path, {})[key] = value.strip().strip("'\"")
    recorded = {(one.get("_src_path", ""), one.get("_commit", "")) for one in found.values()}
    if done.returncode or len(recorded) != 1:
        return None
    source, version = recorded.pop()
    return version if version and version == _released(git, source) else None


def _released(git: Git, source: str) -> str | None:
    """The newest final release of the template, None when its tags are of other kinds too."""
    if source.startswith("/") and Path(source).is_dir():
        asked = Git(Path(source)).attempt("for-each-ref", "--format=%(refname)", "refs/tags")
    elif source.startswith(("https://", "ssh://", "file://", "git@")) and source.endswith(".git"):
        asked = git.attempt("ls-remote", "--tags", "--refs", "--", source, timeout=_SECONDS)
    else:
        return None
    if asked.returncode:
        return None
    tags = [row.partition("refs/tags/")[2] for row in asked.stdout.splitlines()]
    final = {tag: numbers for tag in tags if (numbers := _numbers(tag))}
    # A tag that may be a release in another spelling needs the whole of PEP 440.
    others = [tag for tag in tags if tag not in final and tag[:1] in "v0123456789"]
    if any(not re.fullmatch(_BEFORE_FINAL, tag) for tag in others):
        return None
    return max(final, key=lambda tag: final[tag], default=None)


def _numbers(tag: str) -> tuple[int, ...]:
    """The parts of a plain release such as v1.2.0 without zeros at the end; empty for others."""
    parts = tag.removeprefix("v").split(".")
    if not all(part.isascii() and part.isdigit() for part in parts):
        return ()
    numbers = [int(part) for part in parts]
    while len(numbers) > 1 and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)
