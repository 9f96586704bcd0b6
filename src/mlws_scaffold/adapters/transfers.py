"""Files and folders brought to their place: as a part first, which gets its name when its sha256
is the right one. So nothing wrong is ever found in that place, and a broken transfer is continued.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from mlws_scaffold.adapters import digests, downloads, files
from mlws_scaffold.adapters.digests import Digest
from mlws_scaffold.adapters.downloads import Watch
from mlws_scaffold.errors import MlwsError, Unavailable, UsageError

__all__ = [
    "Watch",
    "Wish",
    "bring",
    "file_name",
    "inside",
    "keep",
    "local",
    "make_folder",
    "name",
]

_CHUNK = 1 << 22
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class Wish:
    """What to fetch (`file:` or `https:`), what its content must be, and its bytes if known."""

    uri: str
    sha256: str
    size: int | None = None


def bring(wish: Wish, target: Path, watch: Watch = lambda _done, _total: None) -> bool:
    """Fetch to `target` what has the wished sha256; False when it lay there already.

    A part of an earlier command is continued. Raises UsageError, Unavailable, and MlwsError when
    the content is another one: nothing of it is kept then.
    """

    def fill(part: Path) -> None:
        if wish.uri.startswith("file:"):
            _copy(local(wish.uri), part, watch, wish.size)
        else:
            downloads.fetch(downloads.Wish(wish.uri, part, wish.size, pinned=True), watch)

    def differs(found: str) -> MlwsError:
        return MlwsError(
            f"{wish.uri} is not what was declared: its sha256 is {found}, not {wish.sha256}; "
            "nothing of it was kept",
            "the file there was replaced: ask its owner for the version that was declared",
        )

    return _settle(target, wish.sha256, fill, differs)


def keep(
    origin: Path, digest: Digest, target: Path, watch: Watch = lambda _done, _total: None
) -> bool:
    """Copy a file or folder, of which `digest` was taken, to `target`; False when it was there.

    Raises MlwsError, also when the origin is changed meanwhile.
    """

    def differs(_found: str) -> MlwsError:
        return MlwsError(f"{origin} was changed while it was copied", "run the command again")

    return _settle(target, digest.sha256, lambda part: _copy(origin, part, watch), differs)


def local(uri: str) -> Path:
    """The path behind a `file:` address. Raises UsageError when it lies on another machine."""
    match = re.fullmatch(r"file:(?://(?:localhost)?)?(/[^?#]*)", uri, re.IGNORECASE)
    path = unquote(match[1]) if match else ""
    if not path or path.startswith("//") or "\0" in path:
        raise UsageError(f"{uri} names no place here", "write file:///absolute/path")
    return Path(path)


def inside(root: Path, uri: str) -> Path | None:
    """The path that a uri without a scheme names below `root`; None for any other uri.

    Raises UsageError when it leads out.
    """
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", uri):
        return None
    path = root / uri
    if "\0" in uri or not path.resolve().is_relative_to(root.resolve()):
        raise UsageError(f"{uri} leads out of the workspace", "write file:///absolute/path")
    return path


def file_name(uri: str) -> str:
    """The last part of an address, as a name that every file system takes."""
    path = re.split(r"[?#]", uri, maxsplit=1)[0]
    last = unquote(path).rstrip("/").rpartition("/")[2]
    return re.sub(r"[^A-Za-z0-9._-]", "_", last).lstrip(".")[:100] or "data"


def make_folder(path: Path, setting: str) -> None:
    """Make a folder; `setting` is what a person corrects when that fails. Raises Unavailable."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(
            f"{path} cannot be made: {error.strerror}", f"mount it, or correct {setting}"
        ) from error


def _settle(
    target: Path, sha256: str, fill: Callable[[Path], None], differs: Callable[[str], MlwsError]
) -> bool:
    with files.locked(target.parent):
        if target.exists() and digests.of(target).sha256 == sha256:
            return False
        part = target.with_name(f".{target.name}.part")
        continued = part.exists()
        fill(part)
        found = digests.of(part).sha256
        if found != sha256 and continued:
            _remove(part)  # its beginning may have been of another version
            fill(part)
            found = digests.of(part).sha256
        if found != sha256:
            _remove(part)
            raise differs(found)
        name(part, target)
    return True


def name(part: Path, target: Path) -> None:
    """Give a whole part its name; what bore it before is gone."""
    if target.is_dir() or part.is_dir():
        _remove(target)
    part.replace(target)


def _copy(origin: Path, part: Path, watch: Watch, size: int | None = None) -> None:
    """Bring a file or folder to `part`, behind what an earlier copy left there. Judges no hash."""
    if not origin.exists():
        raise Unavailable(f"{origin} is not there", "mount the place, or correct the uri")
    members = digests.members(origin)
    total, done = sum(member.size for member in members), 0
    if size is not None and total != size:
        raise MlwsError(
            f"{origin} is not what was declared: it has {total} bytes, not {size}",
            "it was replaced: ask its owner for the version that was declared",
        )
    with _explained(origin, part):
        if part.exists() and part.is_dir() != origin.is_dir():
            _remove(part)
        _demand_room(part, total)
        if origin.is_dir():
            part.mkdir(exist_ok=True)
        for member in members:
            target = part / member.path
            target.parent.mkdir(parents=True, exist_ok=True)
            for count in _append(origin / member.path, target):
                done += count
                watch(done, total)


def _append(origin: Path, target: Path) -> Iterator[int]:
    """Copy what is behind the bytes that are there; yields the bytes of each step."""
    with origin.open("rb") as source, target.open("ab", buffering=0) as sink:
        if sink.tell() > origin.stat().st_size:
            sink.truncate(0)
            sink.seek(0)
        yield source.seek(sink.tell())
        while chunk := source.read(_CHUNK):
            rest = memoryview(chunk)
            while rest:  # a file system that is almost full takes less than it is given
                rest = rest[sink.write(rest) :]
            yield len(chunk)
        os.fsync(sink.fileno())


@contextlib.contextmanager
def _explained(origin: Path, part: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        cure = "mend the place or its rights; run again, it goes on from there"
        if error.errno in _FULL:
            _remove(part)  # others need the rest of the disk
            cure = "free space"
        raise MlwsError(f"{origin} was not copied: {error.strerror}", cure) from None


def _demand_room(part: Path, total: int) -> None:
    have = sum(member.size for member in digests.members(part)) if part.exists() else 0
    free = shutil.disk_usage(part.parent).free
    if total - have > free:
        raise OSError(errno.ENOSPC, f"it needs {total - have} bytes, and {free} are free")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
