"""When each version of an experiment was made: one `git log` pass, later only what is new."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.experiments.index.branches import LEARNINGS
from mlws_scaffold.workspace.layout import ARCHIVE, EXPERIMENTS

Touch = tuple[str, str, int]  # path, oid, seconds since 1970


def since(
    git: Git, prefix: str, tips: Iterable[str], known: Iterable[str], cut: frozenset[str]
) -> Iterator[Touch]:
    """Folders and learnings that commits between `known` and `tips` wrote, with the commit's time.

    `cut` are the commits at which a shallow clone ends: they tell nothing. A version may come more
    than once; the latest counts.
    """
    asked = "\n".join([*sorted(set(tips)), *(f"^{commit}" for commit in sorted(set(known)))])
    lines = git.lines(
        "log",
        "--stdin",
        "--ignore-missing",
        "--raw",
        "-t",
        "-z",
        "--no-abbrev",
        "--no-renames",
        "--no-ext-diff",
        "--no-relative",
        "--no-color",
        "--diff-merges=off",
        "--format=%x00%H %ct",
        stdin=asked,
    )
    start = prefix.encode("utf-8", "surrogateescape")
    time, counts, before = 0, False, b"\0"
    for line in lines:
        # Two NUL in a row stand only before a commit: a path is never empty.
        entries, *commits = (before + line).split(b"\0\0")
        before = b""
        for part in [entries, *commits]:
            if part is not entries:
                head, _, part = part.partition(b"\0")
                name, _, seconds = head.partition(b" ")
                time, counts = int(seconds), name.decode() not in cut
            for path, oid in _entries(part.lstrip(b"\n"), start) if counts else ():
                yield path, oid, time


def _entries(part: bytes, start: bytes) -> Iterator[tuple[str, str]]:
    """Path and new oid of the folders and learnings in raw output: `:modes oids letter`, path."""
    words = part.split(b"\0")
    homes = tuple(start + home.encode() + b"/" for home in (EXPERIMENTS, ARCHIVE))
    notes = start + LEARNINGS.encode() + b"/"
    depth = start.count(b"/") + 3
    for what, path in zip(words[::2], words[1::2], strict=False):
        # Mode of the new side: a folder, or a file.
        is_folder = what[8:14] == b"040000" and path.count(b"/") == depth
        if (is_folder and path.startswith(homes)) or (
            what[8:11] == b"100" and path.startswith(notes)
        ):
            oid = what.split(b" ")[3].decode()
            yield path[len(start) :].decode("utf-8", "replace"), oid
