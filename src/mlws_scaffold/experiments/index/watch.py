"""Tells whether anything that the index is made of changed, without asking git for its status.

git would look at every file of the work tree; only two files an experiment count here.
"""

from __future__ import annotations

import os
import time
from array import array
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from mlws_scaffold.experiments.index import notes, refs
from mlws_scaffold.experiments.index.refs import Repository, Tip
from mlws_scaffold.workspace.layout import ARCHIVE, EXPERIMENTS, METADATA, README, Layout

# As git does: a file this young may be written again and keep its date.
_SETTLED_NS = 2_000_000_000
_MOST, _ABSENT = 2**63 - 1, -1


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found at one moment. The same `stamp`: nothing changed in between.

    Only a `settled` one is worth remembering: no file was younger than what its date can tell.
    """

    layout: Layout
    repository: Repository | None
    tips: tuple[Tip, ...]
    today: str
    stamp: bytes
    settled: bool


def look(layout: Layout) -> Seen:
    """Ask git for its branches and the disk for the dates of files: two processes, always.

    Raises Unavailable without git.
    """
    repository = refs.repository(layout.root)
    tips = tuple(refs.tips(repository)) if repository else ()
    today = time.strftime("%Y-%m-%d", time.gmtime())
    names = [str(layout.root), today]
    if repository:
        names.append(refs.fingerprint(repository, tips))
    dates = array("q")
    begun = time.time_ns()
    for home in (EXPERIMENTS, ARCHIVE):
        for folder in _folders(f"{layout.root}/{home}"):
            _experiments(folder, names, dates)
    for home in notes.KINDS:
        for page in layout.notes(home):
            names.append(str(page))
            _file(str(page), dates)
    for path in _rules(layout, repository):
        _file(path, dates)
    stamp = b"\0".join((os.fsencode("\n".join(names)), dates.tobytes()))
    return Seen(layout, repository, tips, today, stamp, max(dates, default=0) < begun - _SETTLED_NS)


def _folders(home: str) -> list[str]:
    with suppress(OSError), os.scandir(home) as entries:
        return sorted(
            entry.path for entry in entries if entry.is_dir() and entry.name[0] not in "._"
        )
    return []


def _experiments(folder: str, names: list[str], dates: array[int]) -> None:
    """Add the name of every experiment, and for its two files when they changed and their size.

    The time of change, not of the content: nobody sets it back. Named from the folder, a file is
    found a tenth quicker; twenty thousand questions are most of what a warm list costs.
    """
    stat, add = os.stat, dates.append
    with suppress(OSError):
        top = os.open(folder, os.O_RDONLY)
        try:
            found = os.listdir(top)  # noqa: PTH208 - a Path cannot be one that is open
            names.append(folder)
            names += found
            for name in found:
                try:
                    one = stat(f"{name}/{METADATA}", dir_fd=top)
                    two = stat(f"{name}/{README}", dir_fd=top)
                    add(one.st_ctime_ns)
                    add(one.st_size)
                    add(two.st_ctime_ns)
                    add(two.st_size)
                except (OSError, OverflowError):
                    _file(f"{folder}/{name}/{METADATA}", dates)
                    _file(f"{folder}/{name}/{README}", dates)
        finally:
            os.close(top)


def _rules(layout: Layout, repository: Repository | None) -> Iterator[str]:
    """What else decides on what git calls changed: its own list of files, and what it ignores."""
    yield f"{layout.root}/.gitignore"
    if repository:
        yield f"{repository.own}/index"
        yield f"{repository.common}/info/exclude"


def _file(path: str, dates: array[int]) -> None:
    try:
        found = os.stat(path)  # noqa: PTH116 - may be asked for each of many thousand files
    except OSError:
        dates.append(_ABSENT)
    else:
        # Some file systems hold years that do not fit.
        dates.extend((min(found.st_ctime_ns, _MOST), found.st_size))
