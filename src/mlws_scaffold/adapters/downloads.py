"""Files over https, continued where a broken transfer ended.

What arrives is a part only: whoever asked for it compares its hash before giving it its name.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mlws_scaffold.errors import MlwsError, Unavailable, UsageError

_CHUNK = 1 << 18
_TIMEOUT = 30.0  # seconds of silence
_ATTEMPTS = 4  # in a row that brought nothing new, or that had to begin again

Watch = Callable[[int, int], None]
"""Called with the bytes done and the total (0 when the server does not say)."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What to fetch into which file.

    `limit` is the size in bytes that must not be passed (None: unknown). `pinned` says that the
    hash is known, so a part of an earlier command may be continued: a mixture would be found out.
    """

    url: str
    part: Path
    limit: int | None = None
    pinned: bool = False


class _Cut(Exception):
    """The transfer ended early; what came is kept."""


def refusal(url: str) -> str:
    """Why an address is not fetched from; the empty string when it is."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError as error:
        return f"is no address: {error}"
    if not re.fullmatch(r"[\x21-\x7e]+", url):
        return "holds blanks or signs that an address cannot have: write them as %20 and the like"
    if parts.username or parts.password:
        return "holds a password or user name, which everybody could read"
    if parts.scheme == "http" and not _is_loopback(host):
        return "is not encrypted: only https, or http to this machine"
    if parts.scheme not in ("http", "https") or not host:
        return "is not fetched by mlws: known are https:// and file://"
    return ""


def fetch(wish: Wish, watch: Watch = lambda _done, _total: None) -> None:
    """Fill `wish.part`. Raises UsageError, MlwsError, or Unavailable: the part stays then."""
    if why := refusal(wish.url):
        raise UsageError(f"{wish.url} {why}")
    if not wish.pinned:
        wish.part.unlink(missing_ok=True)
    transfer = _Transfer(wish, watch)
    left = _ATTEMPTS
    while True:
        before = transfer.done
        try:
            transfer.attempt()
            return
        except _Cut as cut:
            left = _ATTEMPTS if transfer.done > before else left - 1
            if left <= 0:
                raise Unavailable(
                    f"{wish.url} broke off after {transfer.done} bytes: {cut}",
                    "run the command again" + (": it goes on from there" if wish.pinned else ""),
                ) from None


@dataclass(slots=True)
class _Transfer:
    """One file on its way. `validator` is the server's mark of the version that is fetched."""

    wish: Wish
    watch: Watch
    validator: str = ""

    @property
    def done(self) -> int:
        return self.wish.part.stat().st_size if self.wish.part.exists() else 0

    def attempt(self) -> None:
        """Ask for what is missing and take it. Raises _Cut when another attempt may help."""
        if not (self.wish.pinned or self.validator):
            # Nothing would tell whether the rest is of the same file.
            self.wish.part.unlink(missing_ok=True)
        have = self.done
        try:
            with self._open(have) as answer:
                self._take(answer, have)
        except urllib.error.HTTPError as error:
            with error:
                self._refused(error, have)
        except urllib.error.URLError as error:
            raise _Cut(str(error.reason)) from None
        except (OSError, http.client.HTTPException) as error:
            raise _Cut(str(error) or type(error).__name__) from None

    def _open(self, have: int) -> Any:
        headers = {"User-Agent": "mlws", "Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
            if self.validator:
                headers["If-Range"] = self.validator
        request = urllib.request.Request(self.wish.url, headers=headers)  # noqa: S310 - see refusal
        return urllib.request.build_opener(_Redirects).open(request, timeout=_TIMEOUT)

    def _take(self, answer: Any, have: int) -> None:
        begin, total = 0, int(answer.headers.get("Content-Length") or 0)
        if answer.status == 206:
            begin, total = _range(answer.headers.get("Content-Range", ""))
            if begin != have:  # a server that sends another piece than the one asked for
                self.wish.part.unlink(missing_ok=True)
                raise _Cut("it sent another part of the file than was asked for")
        mark = answer.headers.get("ETag", "")
        self.validator = mark if mark.startswith('"') else ""  # W/"…" does not promise equal bytes
        done = begin
        with _writing(self.wish.part, begin) as write:
            while chunk := answer.read(_CHUNK):
                done += len(chunk)
                self._hold(done)
                write(chunk)
                self.watch(done, total)
        if total and done < total:
            raise _Cut(f"{total - done} bytes are missing")

    def _hold(self, done: int) -> None:
        if self.wish.limit is not None and done > self.wish.limit:
            self.wish.part.unlink(missing_ok=True)
            raise MlwsError(
                f"{self.wish.url} is larger than the {self.wish.limit} bytes that were recorded",
                "the file there was replaced: ask its owner for the version that was recorded",
            )

    def _refused(self, error: urllib.error.HTTPError, have: int) -> None:
        said = f"the server says {error.code} {error.reason}"
        if error.code == 416 and have:
            if error.headers.get("Content-Range", "") == f"bytes */{have}":
                return  # all of it had arrived already
            self.wish.part.unlink(missing_ok=True)
            raise _Cut(said)
        if error.code >= 500 or error.code in (408, 429):
            raise _Cut(said)
        cure = "correct the uri, or ask its owner for access"
        raise MlwsError(f"{self.wish.url}: {said}", cure)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to where the address itself could have led."""

    def redirect_request(self, *arguments: Any) -> urllib.request.Request | None:
        request, url = arguments[0], arguments[-1]
        why = refusal(url)
        if not why and request.full_url.startswith("https:") and not url.startswith("https:"):
            why = "is not encrypted"
        if why:
            raise MlwsError(f"{request.full_url} leads to {url}, which {why}")
        return super().redirect_request(*arguments)


@contextlib.contextmanager
def _writing(path: Path, begin: int) -> Iterator[Callable[[bytes], object]]:
    """Write behind the first `begin` bytes. What this disk refuses is no fault of the server."""

    def write(chunk: bytes) -> None:
        try:
            file.write(chunk)
        except OSError as error:
            raise _unwritten(path, error) from error

    try:
        file = path.open("r+b" if begin else "wb", buffering=0)
        file.truncate(begin)
        file.seek(begin)
    except OSError as error:
        raise _unwritten(path, error) from error
    with file:
        yield write
        os.fsync(file.fileno())


def _unwritten(path: Path, error: OSError) -> MlwsError:
    return MlwsError(f"{path} was not written: {error.strerror}", "free space, or mend its rights")


def _range(header: str) -> tuple[int, int]:
    """First byte and total of `bytes 10-19/20`; (-1, 0) when it is none."""
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", header.strip())
    if match is None:
        return -1, 0
    return int(match[1]), 0 if match[2] == "*" else int(match[2])


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
