"""Copies files and folders, behind the bytes that an earlier copy left there. Judges no hash."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from mlws_scaffold.adapters import digests
from mlws_scaffold.adapters.digests import Member
from mlws_scaffold.errors import MlwsError, Unavailable

Watch = Callable[[int, int], None]
"""Called with the bytes done and the total (0: unknown)."""

_CHUNK = 1 << 22
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Origin(Protocol):
    """Where a copy comes from. Printed, it is the name that people know it by."""

    def is_folder(self) -> bool: ...

    def members(self) -> Sequence[Member]:
        """Its files. Raises Unavailable when it is not there, MlwsError."""

    def open(self, member: Member) -> IO[bytes]: ...


@dataclass(frozen=True, slots=True)
class Local:
    """A file or folder of this machine, or of one that is mounted."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def is_folder(self) -> bool:
        return self.path.is_dir()

    def members(self) -> Sequence[Member]:
        if not self.path.exists():
            raise Unavailable(f"{self.path} is not there", "mount the place, or correct the uri")
        return digests.members(self.path)

    def open(self, member: Member) -> IO[bytes]:
        return (self.path / member.path).open("rb")


def copy(origin: Origin, part: Path, watch: Watch, size: int | None = None) -> None:
    """Bring a file or folder to `part`; `size` is what it must have, where that is known.

    Raises Unavailable, and MlwsError: what was copied stays, but on a disk that is full.
    """
    members = origin.members()
    total, done = sum(member.size for member in members), 0
    if size is not None and total != size:
        raise MlwsError(
            f"{origin} is not what was declared: it has {total} bytes, not {size}",
            "it was replaced: ask its owner for the version that was declared",
        )
    with _explained(origin, part):
        if part.exists() and part.is_dir() != origin.is_folder():
            remove(part)
        _demand_room(part, total)
        if origin.is_folder():
            part.mkdir(exist_ok=True)
        for member in members:
            target = part / member.path
            target.parent.mkdir(parents=True, exist_ok=True)
            with origin.open(member) as source:
                for count in _append(source, target):
                    done += count
                    watch(done, total)


def remove(path: Path) -> None:
    """Remove a file, a link or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _append(source: IO[bytes], target: Path) -> Iterator[int]:
    """Copy what is behind the bytes that are there; yields the bytes of each step."""
    with target.open("ab", buffering=0) as sink:
        yield source.seek(sink.tell())
        while chunk := source.read(_CHUNK):
            rest = memoryview(chunk)
            while rest:  # a file system that is almost full takes less than it is given
                rest = rest[sink.write(rest) :]
            yield len(chunk)
        os.fsync(sink.fileno())


@contextlib.contextmanager
def _explained(origin: Origin, part: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        cure = "mend the place or its rights; run again, it goes on from there"
        if error.errno in _FULL:
            remove(part)  # others need the rest of the disk
            cure = "free space"
        raise MlwsError(f"{origin} was not copied: {error.strerror or error}", cure) from None


def _demand_room(part: Path, total: int) -> None:
    have = sum(member.size for member in digests.members(part)) if part.exists() else 0
    free = shutil.disk_usage(part.parent).free
    if total - have > free:
        raise OSError(errno.ENOSPC, f"it needs {total - have} bytes, and {free} are free")
