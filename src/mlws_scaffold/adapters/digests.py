"""sha256 and size of a file or of a folder."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.errors import MlwsError


@dataclass(frozen=True, slots=True)
class Digest:
    """`size` is in bytes; that of a folder is the sum of its files."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Member:
    """A file of a folder by its relative path, or a file itself (an empty path); size in bytes."""

    path: Path
    size: int


def of(path: Path) -> Digest:
    """Of a file: its content. Of a folder: relative path and sha256 of each file, sorted by path.

    Raises MlwsError for a link inside a folder, and for what is neither file nor folder.
    """
    try:
        return _of_folder(path) if path.is_dir() else _of_file(path)
    except OSError as error:
        raise _unread(path, error) from error


def members(path: Path) -> list[Member]:
    """The files that `of` hashes, without reading them. Raises MlwsError for what `of` refuses."""
    try:
        found = _files(path) if path.is_dir() else [path]
        return [Member(file.relative_to(path), _size(file)) for file in found]
    except OSError as error:
        raise _unread(path, error) from error


def _of_file(path: Path) -> Digest:
    _size(path)
    with path.open("rb") as file:
        state = hashlib.file_digest(file, "sha256")
        return Digest(state.hexdigest(), file.tell())


def _of_folder(folder: Path) -> Digest:
    lines, size = [], 0
    for path in _files(folder):
        digest = _of_file(path)
        relative = os.fsencode(path.relative_to(folder).as_posix())
        lines.append(relative + b"\0" + digest.sha256.encode() + b"\n")
        size += digest.size
    return Digest(hashlib.sha256(b"".join(sorted(lines))).hexdigest(), size)


def _files(folder: Path) -> list[Path]:
    found = []
    for parent, folders, names in os.walk(folder, onerror=_refuse):
        for name in (*folders, *names):
            path = Path(parent, name)
            if path.is_symlink():
                raise MlwsError(f"{path} is a link", "put the file itself there")
        found += [Path(parent, name) for name in names]
    return sorted(found)


def _size(path: Path) -> int:
    # Opening a pipe would wait for a writer for ever.
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise MlwsError(f"{path} is no ordinary file", "name a file or a folder of files")
    return found.st_size


def _unread(path: Path, error: OSError) -> MlwsError:
    return MlwsError(f"{path} cannot be read: {error.strerror}")


def _refuse(error: OSError) -> None:
    raise error
