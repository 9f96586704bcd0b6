"""Files and folders brought to their place: as a part first, which gets its name when its sha256
is the right one. So nothing wrong is ever found in that place, and a broken transfer is continued.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from mlws_scaffold.adapters import buckets, copying, digests, downloads, files
from mlws_scaffold.adapters.buckets import Bucket
from mlws_scaffold.adapters.copying import Local, Watch
from mlws_scaffold.adapters.digests import Digest
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


@dataclass(frozen=True, slots=True)
class Wish:
    """What to fetch (`file:` or `https:`), what its content must be, and its bytes if known.

    objects: addresses of object storage are fetched as well.
    """

    uri: str
    sha256: str
    size: int | None = None
    objects: bool = False


def bring(wish: Wish, target: Path, watch: Watch = lambda _done, _total: None) -> bool:
    """Fetch to `target` what has the wished sha256; False when it lay there already.

    A part of an earlier command is continued. Raises UsageError, Unavailable, and MlwsError when
    the content is another one: nothing of it is kept then.
    """

    def fill(part: Path) -> None:
        if wish.uri.startswith("file:"):
            copying.copy(Local(local(wish.uri)), part, watch, wish.size)
        elif wish.objects and buckets.is_bucket(wish.uri):
            with buckets.told(wish.uri):
                copying.copy(Bucket(wish.uri), part, watch, wish.size)
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

    return _settle(
        target, digest.sha256, lambda part: copying.copy(Local(origin), part, watch), differs
    )


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
            copying.remove(part)  # its beginning may have been of another version
            fill(part)
            found = digests.of(part).sha256
        if found != sha256:
            copying.remove(part)
            raise differs(found)
        name(part, target)
    return True


def name(part: Path, target: Path) -> None:
    """Give a whole part its name; what bore it before is gone."""
    if target.is_dir() or part.is_dir():
        copying.remove(target)
    part.replace(target)
