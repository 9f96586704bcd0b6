"""Patterns of paths, read as in a `.gitignore`.

Plain patterns, which ours are, are matched here. Others are left to the matcher that Copier itself
uses for `_skip_if_exists`: its import costs as much as rendering a workspace. A test holds one
against the other.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable

Matcher = Callable[[str], bool]

_PLAIN = re.compile(r"/?[\w.-]*[\w*.-]*(?:/[\w*.-]+)*", re.ASCII)


def matcher(patterns: Iterable[str]) -> Matcher:
    """Whether a path matches one of the patterns."""
    wanted = [unicodedata.normalize("NFD", pattern) for pattern in patterns if pattern]
    if not wanted:
        return lambda _: False
    plain = [_expression(pattern) for pattern in wanted]
    if None not in plain:
        found = re.compile("|".join(filter(None, plain)))
        return lambda path: bool(found.fullmatch(unicodedata.normalize("NFD", path)))
    return by_pathspec(wanted)


def by_pathspec(patterns: list[str]) -> Matcher:
    """The same for patterns of any kind."""
    import pathspec

    spec = pathspec.PathSpec.from_lines("gitignore", patterns)
    return lambda path: bool(spec.match_file(unicodedata.normalize("NFD", path)))


def _expression(pattern: str) -> str | None:
    """A plain pattern as a regular expression; None for one that is not plain."""
    names = pattern.removesuffix("/**").removeprefix("/")
    if not names or not _PLAIN.fullmatch(pattern) or "**" in names or "*" in names.split("/"):
        return None
    parts = "[^/]*".join(map(re.escape, names.split("*")))
    anywhere = "" if "/" in pattern else "(?:.+/)?"
    return f"{anywhere}{parts}/.*" if pattern.endswith("/**") else f"{anywhere}{parts}(?:/.*)?"
