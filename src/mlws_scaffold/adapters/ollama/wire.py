"""HTTP to a server with the standard library: what the official client cannot do.

It cannot send every field of `create`; drops fields of `show` and `tags`; knows neither `version`
nor HEAD of a blob nor the progress of an upload; and is not always installed. A redirect is an
error here: followed, a POST would become a GET.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import urllib.request
from base64 import b64encode
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from mlws_scaffold.adapters.ollama import failures
from mlws_scaffold.adapters.ollama.names import is_loopback

CONNECT = 5.0  # seconds
_MOST_BYTES = 20_000_000


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to ask about what (named in errors), and how many seconds silence may last."""

    host: str
    subject: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Link:
    """A connection, what stands before each path on it, and what a proxy on the way asks for."""

    connection: http.client.HTTPConnection
    prefix: str
    headers: Mapping[str, str]


def posting(path: str, fields: Mapping[str, object], method: str = "POST") -> Request:
    body = json.dumps(fields).encode()
    return Request(method, path, body, {"Content-Type": "application/json", **authorization()})


def authorization() -> dict[str, str]:
    """The header of the official client: for a server behind a proxy that asks for a key."""
    key = os.environ.get("OLLAMA_API_KEY")
    return {"Authorization": f"Bearer {key}"} if key else {}


def ask(target: Target, request: Request) -> Any:
    """The JSON of one whole answer; None for an empty one. Raises ServerError, Unavailable."""
    with exchange(target, request) as answer:
        text = whole(answer)
        return json.loads(text) if text.strip() else None


def whole(answer: http.client.HTTPResponse) -> bytes:
    """All of an answer; the library would take a part for all, of its headers too."""
    text = answer.read(_MOST_BYTES)
    said_how_long = answer.chunked or answer.length is not None
    if answer.length or not (text or said_how_long):
        raise http.client.IncompleteRead(text, answer.length)
    return text


def lines(target: Target, request: Request) -> Generator[Any]:
    """The objects of an NDJSON stream. Closing the generator closes the connection."""
    with exchange(target, request) as answer:
        while line := answer.readline(_MOST_BYTES):
            if line.strip():
                yield json.loads(line)


@contextlib.contextmanager
def exchange(target: Target, request: Request) -> Iterator[http.client.HTTPResponse]:
    """Send a request; the answer, when it is one of success. Errors of reading it are ours too."""
    with connected(target) as link, sending(target):
        headers = {**request.headers, **link.headers}
        link.connection.request(request.method, link.prefix + request.path, request.body, headers)
        # Closing the connection alone leaves the answer's own hold on the socket.
        with link.connection.getresponse() as answer:
            judge(target, answer)
            yield answer


def judge(target: Target, answer: http.client.HTTPResponse) -> None:
    """Raises ServerError unless the status is one of success."""
    if not answer.headers:
        raise http.client.BadStatusLine("nothing after the status")
    if answer.status >= 300:
        text = answer.read(2000).decode("utf-8", "replace")
        raise failures.refused(target.subject, answer.status, text)


@contextlib.contextmanager
def sending(target: Target) -> Iterator[None]:
    """Whatever breaks while a request runs becomes a ServerError."""
    try:
        yield
    except TimeoutError:
        raise failures.stalled(target.subject, target.seconds) from None
    except (OSError, http.client.HTTPException) as error:
        raise failures.broken(target.subject, repr(error)) from None
    except ValueError as error:
        raise failures.garbage(target.subject, error) from None


@contextlib.contextmanager
def connected(target: Target) -> Iterator[Link]:
    """An open connection. Raises Unavailable."""
    with contextlib.ExitStack() as stack:
        try:
            link = _prepared(target.host)
            stack.callback(link.connection.close)
            link.connection.connect()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise failures.unreachable(target.host, error) from None
        link.connection.sock.settimeout(target.seconds)
        yield link


def _prepared(host: str) -> Link:
    parts = urlsplit(host)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    name = parts.hostname or ""
    proxy = _proxy(host)
    if proxy is None:
        return Link(kind(name, parts.port, timeout=CONNECT), parts.path, {})
    through = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    connection = kind(through.hostname or "", through.port, timeout=CONNECT)
    named = _proxy_authorization(through.username, through.password)
    if parts.scheme == "https":
        connection.set_tunnel(name, parts.port, named)
        return Link(connection, parts.path, {})
    return Link(connection, host, named)


def _proxy(host: str) -> str | None:
    """The proxy that the environment names, which must not be asked for this machine itself."""
    parts = urlsplit(host)
    if is_loopback(host) or urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    return urllib.request.getproxies().get(parts.scheme)


def _proxy_authorization(user: str | None, password: str | None) -> dict[str, str]:
    if user is None:
        return {}
    pair = f"{unquote(user)}:{unquote(password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {b64encode(pair).decode()}"}
