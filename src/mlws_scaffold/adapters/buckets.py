"""Files in object storage (s3://…) through fsspec, which is imported when such an address is used.

An object is there whole or not at all, so nothing needs a name of its own while it is on its way.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from mlws_scaffold.adapters import digests
from mlws_scaffold.adapters.copying import Watch
from mlws_scaffold.adapters.digests import Member
from mlws_scaffold.errors import MlwsError, Unavailable, UsageError


def is_bucket(uri: str) -> bool:
    """Whether an address is one of object storage, and none that a path or a browser has."""
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]+)://", uri)
    return match is not None and match[1].lower() not in ("file", "http", "https")


@dataclass(frozen=True, slots=True)
class Bucket:
    """An object, or all objects below a prefix, as the origin of a copy."""

    uri: str

    def __str__(self) -> str:
        return self.uri

    def is_folder(self) -> bool:
        system, path = _open(self.uri)
        with told(self.uri):
            return bool(system.isdir(path))

    def members(self) -> Sequence[Member]:
        """Its objects. Raises Unavailable when nothing is there, or nobody answers."""
        system, path = _open(self.uri)
        with told(self.uri):
            if system.isfile(path):
                return [Member(Path(), int(system.size(path)))]
            found = system.find(path, detail=True)
        if not found:
            raise Unavailable(f"{self.uri} is not there", "correct the uri, or ask who added it")
        base = path.rstrip("/") + "/"
        return [
            Member(Path(name.removeprefix(base)), int(info["size"]))
            for name, info in sorted(found.items())
        ]

    def open(self, member: Member) -> IO[bytes]:
        system, path = _open(_below(self.uri, member))
        with told(self.uri):
            return cast(IO[bytes], system.open(path, "rb"))


def put(origin: Path, uri: str, watch: Watch) -> None:
    """Upload a file or folder; what is there with the right size is left alone.

    Raises UsageError, Unavailable, and MlwsError when less arrived than was sent.
    """
    members = digests.members(origin)
    total, done = sum(member.size for member in members), 0
    for member in members:
        system, path = _open(_below(uri, member))
        with told(uri):
            if _size(system, path) != member.size:
                system.put_file(str(origin / member.path), path)
            arrived = _size(system, path)
        if arrived != member.size:
            raise MlwsError(f"{uri}: {arrived} of {member.size} bytes arrived", "run it again")
        done += member.size
        watch(done, total)


def _below(uri: str, member: Member) -> str:
    return uri if member.path == Path() else f"{uri}/{member.path.as_posix()}"


def _size(system: Any, path: str) -> int | None:
    system.invalidate_cache()
    try:
        return int(system.size(path))
    except FileNotFoundError:
        return None


def _open(uri: str) -> tuple[Any, str]:
    """The file system of an address, and the path in it. Raises UsageError, Unavailable."""
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise Unavailable(
            f"{uri} needs fsspec, which is not installed here", "install mlws-scaffold[storage]"
        ) from None
    try:
        with told(uri):
            system, path = url_to_fs(uri)
    except ImportError as error:  # fsspec names the package that a protocol needs
        raise Unavailable(f"{uri}: {error}", "install that beside mlws-scaffold") from None
    return system, str(path)


@contextlib.contextmanager
def told(uri: str) -> Iterator[None]:
    """What a storage refuses, in its words. Those of botocore are no OSErrors.

    Raises UsageError, MlwsError, Unavailable.
    """
    botocore: Any = sys.modules.get("botocore.exceptions")
    unheard = (botocore.BotoCoreError,) if botocore else ()
    try:
        yield
    except ValueError as error:
        raise UsageError(f"{uri}: {error}", "look at [models] storage in mlws.toml") from None
    except PermissionError as error:
        raise MlwsError(f"{uri}: {error}", "ask its owner for access") from None
    except (OSError, *unheard) as error:
        raise Unavailable(
            f"{uri} cannot be reached: {error}", "look at your access to it"
        ) from None
