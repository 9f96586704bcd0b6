"""Plain requests to a server that is ours or that a person named: no proxy for this machine."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from urllib.parse import urlsplit

from mlws_scaffold.errors import Unavailable

_MOST_BYTES = 5_000_000


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered. The body is cut at 5 MB."""

    status: int
    body: bytes


def get(url: str, timeout: float = 5.0) -> Reply:
    """GET an address; any status is an answer. Raises Unavailable when nothing answers in time."""
    return _send(url, url, timeout)


def post(url: str, body: object, timeout: float) -> Reply:
    """POST a value as JSON; any status is an answer. Raises Unavailable as `get` does."""
    headers = {"Content-Type": "application/json"}
    data = json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers)  # noqa: S310 - the caller's own address
    return _send(request, url, timeout)


def _send(asked: str | urllib.request.Request, url: str, timeout: float) -> Reply:
    direct = [urllib.request.ProxyHandler({})] if _is_here(url) else []
    try:
        with urllib.request.build_opener(*direct).open(asked, timeout=timeout) as answer:
            return Reply(answer.status, answer.read(_MOST_BYTES))
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, error.read(_MOST_BYTES))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unavailable(f"{url} does not answer: {error}") from None


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")
