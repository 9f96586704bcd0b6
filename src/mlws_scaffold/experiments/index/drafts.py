"""Experiments and pages of the working tree that no commit has yet in this form."""

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import Problem
from mlws_scaffold.experiments.index import notes
from mlws_scaffold.workspace.layout import ARCHIVE, EXPERIMENTS, METADATA, README, Layout

_MOST_README = 200_000
_MOST_METADATA = 1_000_000
# The last second of the year 9999: git and file systems know later ones, calendars do not.
LATEST = 253_402_300_799


@dataclass(frozen=True, slots=True)
class Draft:
    """An uncommitted folder; `problem` says why its metadata was not opened."""

    folder: str
    oid: str
    metadata: bytes
    readme: str
    time: int
    problem: Problem | None = None


def changed(git: Git, prefix: str) -> list[str]:
    """Folders whose metadata or README differs from HEAD or is new, and pages of `docs`."""
    files = [f":(top,glob){prefix}{home}/*/*/" for home in (EXPERIMENTS, ARCHIVE)]
    names = [home + name for home in files for name in (METADATA, README)]
    names += [f":(top,glob){prefix}{home}/**/*.md" for home in notes.KINDS]
    out = git.run(
        "--no-optional-locks",
        "status",
        "--porcelain",
        "-z",
        "--no-renames",
        "--untracked-files=all",
        "--",
        *names,
    )
    paths = (entry[3:].removeprefix(prefix) for entry in out.split("\0") if entry)
    return sorted({path if notes.is_below(path) else path.rpartition("/")[0] for path in paths})


def every(layout: Layout) -> list[str]:
    """All folders and pages, for a workspace without git."""
    pages = [page for home in notes.KINDS for page in layout.notes(home)]
    return [layout.relative(path) for path in (*layout.experiments(), *pages)]


def stamp(layout: Layout, folders: list[str]) -> str:
    """Equal as long as no page, and none of the two files of a folder, was written again."""
    lines = []
    for folder in folders:
        for name in ("",) if notes.is_below(folder) else (METADATA, README):
            path = layout.root / folder / name
            try:
                found = path.stat()
                lines.append(f"{path} {found.st_mtime_ns} {found.st_size} {found.st_ino}")
            except (OSError, ValueError):
                lines.append(f"{path} -")
    return "\n".join(lines)


def read(layout: Layout, folder: str) -> Draft | None:
    """The folder as it is on the disk; None when it is gone."""
    path = layout.root / folder / METADATA
    if not path.exists() and not path.is_symlink():
        return None
    # A name need not be text; what is said of it must.
    folder = folder.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    name = f"{folder}/{METADATA}"
    content, problem = _content(layout.root, path, name)
    readme, _ = _content(layout.root, path.with_name(README), "")
    # As git names a blob, so that a commit makes nothing to be read again.
    whole = b"blob %d\0" % len(content) + content if problem is None else str(problem).encode()
    oid = hashlib.sha1(whole, usedforsecurity=False).hexdigest()
    try:
        time = min(max(int(path.stat().st_mtime), 0), LATEST)
    except (OSError, ValueError):
        time = int(datetime.now().timestamp())
    return Draft(folder, oid, content, readme.decode("utf-8", "replace"), time, problem)


def page(layout: Layout, name: str) -> Draft | None:
    """A page of `docs` as it is on the disk, its text as `readme`; None for one that is gone."""
    path = layout.root / name
    if not path.is_file():
        return None
    name = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    content, problem = _content(layout.root, path, name)
    text = content[:_MOST_README].decode("utf-8", "replace")
    oid = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    time = min(max(int(path.stat().st_mtime), 0), LATEST)
    return Draft(name, oid, b"", text, time, problem)


def _content(root: Path, path: Path, name: str) -> tuple[bytes, Problem | None]:
    try:
        if not path.resolve().is_relative_to(root.resolve()):
            return b"", Problem(name, "is a link that leads out of the workspace", "keep the file")
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            return b"", Problem(name, "is no ordinary file", "put a text file here")
        if found.st_size > _MOST_METADATA:
            return b"", too_large(name, found.st_size)
        return path.read_bytes(), None
    except (OSError, RuntimeError) as error:
        said = error.strerror if isinstance(error, OSError) else "links in a circle"
        return b"", Problem(name, f"cannot be read: {said}")


def too_large(name: str, size: int) -> Problem:
    """What is said of a metadata file that is data."""
    return Problem(name, f"is {size // 1000} kB", "keep it below 1000 kB; move data out")
