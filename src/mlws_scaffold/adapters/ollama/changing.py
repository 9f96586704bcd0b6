"""Changes on a server: pull, create, copy, delete, blobs.

HTTP 200 proves nothing: a pull or a build is believed when its last line says `success`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlws_scaffold.adapters.ollama import failures, talking, wire
from mlws_scaffold.adapters.ollama.needs import demand
from mlws_scaffold.adapters.ollama.wire import CONNECT, Request, Target
from mlws_scaffold.errors import MlwsError

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Progress:
    """One line of a pull. Bytes belong to the layer `digest`; `completed` may go backwards."""

    status: str
    digest: str = ""
    total: int | None = None
    completed: int | None = None


def pull(host: str, name: str, stall: float = 600.0) -> Generator[Progress]:
    """Pull a model; ends without an exception only after the server said `success`.

    stall: seconds without any progress until the pull is given up (the server checks a large
    download in silence, so this is minutes). Closing the generator stops the server's download.
    Raises ServerError with the server's words, Unavailable when none is there.
    """
    target = Target(host, name, stall)
    yield from _watched(target, talking.stream(target, "pull", {"model": name}))


def create(
    host: str, name: str, body: Mapping[str, object], stall: float = 600.0
) -> Generator[Progress]:
    """Build a model from the REST fields in `body`; ends like `pull`.

    A base that is missing is pulled by the server on the way. Raises Unavailable when the server
    is older than a field of the body: it would ignore that field and build something else.
    """
    demand(host, body, min(stall, CONNECT))
    target = Target(host, name, stall)
    yield from _watched(target, talking.lines(target, "/api/create", {**body, "model": name}))


def copy(host: str, source: str, destination: str, timeout: float = 60.0) -> None:
    """Give a model a further name; it has the same digest there. Raises ServerError."""
    names = {"source": source, "destination": destination}
    talking.ask(Target(host, source, timeout), "copy", names)


def delete(host: str, name: str, timeout: float = 60.0) -> None:
    """Remove a name, and the layers that no other model uses. Raises ServerError."""
    talking.ask(Target(host, name, timeout), "delete", {"model": name})


def has_blob(host: str, digest: str, timeout: float = 60.0) -> bool:
    """Whether the server has the file `sha256:<64 hex digits>`. Raises ServerError."""
    request = Request("HEAD", f"/api/blobs/{digest}", headers=wire.authorization())
    try:
        with wire.exchange(Target(host, digest[:19], timeout), request):
            return True
    except failures.ServerError as error:
        if error.status == 404:
            return False
        raise


def upload(host: str, path: Path, digest: str, stall: float = 600.0) -> Generator[Progress]:
    """Send a file as the blob `sha256:<hex>`; the server compares the hash.

    Ends with `success`. Raises ServerError; MlwsError when the file cannot be read or changes.
    """
    target = Target(host, path.name, stall)
    chunks = _Chunks(path)
    with wire.connected(target) as link, wire.sending(target):
        connection = link.connection
        connection.putrequest("POST", f"{link.prefix}/api/blobs/{digest}")
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(chunks.size)}
        for key, value in {**headers, **wire.authorization(), **link.headers}.items():
            connection.putheader(key, value)
        connection.endheaders()
        done = 0
        for chunk in chunks.read():
            try:
                connection.send(chunk)
            except (BrokenPipeError, ConnectionResetError):
                break  # it may have answered already: that it has the file, or why it refuses
            done += len(chunk)
            yield Progress(f"uploading {digest[7:19]}", digest, chunks.size, done)
        with connection.getresponse() as answer:
            wire.judge(target, answer)
            wire.whole(answer)
    yield Progress("success", digest, chunks.size, chunks.size)


class _Chunks:
    """A file in pieces. Its own trouble must not look like that of the connection."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self.size = path.stat().st_size
        except OSError as error:
            raise self._unread(error.strerror) from None

    def read(self) -> Generator[bytes]:
        left = self.size
        try:
            file = self._path.open("rb")
        except OSError as error:
            raise self._unread(error.strerror) from None
        with file:
            while left:
                try:
                    chunk = file.read(min(_CHUNK, left))
                except OSError as error:
                    raise self._unread(error.strerror) from None
                if not chunk:
                    raise self._unread("it became shorter while it was read")
                left -= len(chunk)
                yield chunk

    def _unread(self, why: str | None) -> MlwsError:
        return MlwsError(f"{self._path} cannot be read: {why}", "mend that and run it again")


def _watched(target: Target, found: Generator[Any]) -> Generator[Progress]:
    last: Progress | None = None
    moved = time.monotonic()
    # The server repeats its line while a download stands still, and may fall back to an earlier
    # byte: only a new step, or more bytes than ever before, is progress.
    best: dict[tuple[str, str], int] = {}
    with contextlib.closing(found) as lines:
        for line in lines:
            last = _progress(target, line)
            step, bytes_now = (last.status, last.digest), last.completed or 0
            if bytes_now > best.get(step, -1):
                best[step], moved = bytes_now, time.monotonic()
            elif time.monotonic() - moved > target.seconds:
                raise failures.stalled(target.subject, target.seconds)
            yield last
    if last is None or last.status != "success":
        where = f"after {last.status!r}" if last else "before anything arrived"
        raise failures.ended(target.subject, where, "success")


def _progress(target: Target, line: dict[str, Any]) -> Progress:
    status, digest = line.get("status"), line.get("digest")
    if not isinstance(status, str):
        raise failures.garbage(target.subject, "a line has no status")
    numbers = [line.get(key) for key in ("total", "completed")]
    total, completed = (value if type(value) is int else None for value in numbers)
    return Progress(status, digest if isinstance(digest, str) else "", total, completed)
