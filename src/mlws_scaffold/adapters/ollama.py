"""An Ollama server over HTTP: what it is, what it holds, and pulling into it.

Answers are believed only when they have the documented form, and a pull only when its last line is
`{"status":"success"}`: HTTP 200 proves nothing.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from mlws_scaffold.errors import MlwsError, Unavailable, UsageError

_CONNECT = 5.0
_MOST_BYTES = 20_000_000
_HTTP_ERRORS = (OSError, http.client.HTTPException)
_CURE = "start it (ollama serve), or name it in OLLAMA_HOST or in [models] host of mlws.toml"


@dataclass(frozen=True, slots=True)
class Progress:
    """One line of a pull. Bytes belong to the layer `digest`; `completed` may go backwards."""

    status: str
    digest: str = ""
    total: int | None = None
    completed: int | None = None


def address(text: str) -> str:
    """The URL behind any form that OLLAMA_HOST may have: `host`, `host:port`, `:port`, a URL.

    An address to listen on (0.0.0.0, ::) becomes the loopback address. Raises UsageError.
    """
    plain = text.strip().strip("\"'").strip()
    scheme, separator, rest = plain.partition("://")
    if not separator:
        scheme, rest = "http", plain
    port = {"http": "80" if separator else "11434", "https": "443"}.get(scheme)
    if port is None or "@" in rest or any(sign.isspace() for sign in rest):
        raise UsageError(
            f"{text!r} is no address of an Ollama server", "write it as http://host:11434"
        )
    place, _, path = rest.partition("/")
    found = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::(\d*))?", place)
    # More than one colon outside brackets: a bare IPv6 address.
    host = found[1].strip("[]") if found else place
    if found and found[2] and int(found[2]) < 65536:
        port = found[2]
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{port}" + (f"/{path.rstrip('/')}" if path.strip("/") else "")


def full_name(name: str) -> str:
    """The one spelling of a model's name that two names of the same model share."""
    short = name.lower().removeprefix("registry.ollama.ai/").removeprefix("library/")
    return short if ":" in short.rpartition("/")[2] else f"{short}:latest"


def version(host: str, timeout: float = _CONNECT) -> str:
    """Version of the server. Raises Unavailable when none answers as Ollama does."""
    found = _get(host, "/api/version", timeout).get("version")
    if not isinstance(found, str) or not found:
        raise _not_ollama(host, "its answer names no version")
    return found


def installed(host: str, timeout: float = 30.0) -> dict[str, str]:
    """Models on the server: `full_name` -> digest (64 hex digits). Raises Unavailable."""
    models = _get(host, "/api/tags", timeout).get("models")
    if not isinstance(models, list):
        raise _not_ollama(host, "its list of models is none")
    found = {}
    for model in models:
        if not isinstance(model, dict) or not isinstance(model.get("name"), str):
            raise _not_ollama(host, "its list of models holds something else")
        found[full_name(model["name"])] = str(model.get("digest") or "").removeprefix("sha256:")
    return found


def pull(host: str, name: str, stall: float = 600.0, client: bool = True) -> Iterator[Progress]:
    """Pull a model; ends without an exception only after the server said `success`.

    `stall`: seconds without any progress until the pull is given up (the server checks a large
    download in silence, so this is minutes). With `client` the ollama package talks where it is
    installed. Raises MlwsError with the server's words.
    """
    last: Progress | None = None
    moved = time.monotonic()
    # The server repeats its line while a download stands still, and may fall back to an earlier
    # byte: only a new step, or more bytes than ever before, is progress.
    best: dict[tuple[str, str], int] = {}
    with contextlib.closing(_stream(host, name, stall, client)) as lines:
        for line in lines:
            last = _progress(name, line)
            step, bytes_now = (last.status, last.digest), last.completed or 0
            if bytes_now > best.get(step, -1):
                best[step], moved = bytes_now, time.monotonic()
            elif time.monotonic() - moved > stall:
                raise _stalled(name, stall)
            yield last
    if last is None or last.status != "success":
        where = f"after {last.status!r}" if last else "before anything arrived"
        raise MlwsError(f"{name}: the answer ended {where}, without success", _AGAIN)


_AGAIN = "run it again: the server goes on where it stopped"


def _stream(host: str, name: str, stall: float, client: bool) -> Generator[Any]:
    try:
        import httpx
        import ollama
    except ImportError:
        client = False
    if not client:
        yield from _plain(host, name, stall)
        return
    timeout = httpx.Timeout(stall, connect=_CONNECT)
    try:
        connection = ollama.Client(host, timeout=timeout, trust_env=not _is_loopback(host))
        # Closing the answer early is what makes the server stop its download.
        parts: Any = connection.pull(name, stream=True)
        with contextlib.closing(parts):
            for part in parts:
                yield part.model_dump(exclude_none=True)
    except ollama.ResponseError as error:
        raise _refused(name, error.status_code, error.error) from None
    except httpx.ReadTimeout:
        raise _stalled(name, stall) from None
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise _unreachable(host, error) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise MlwsError(f"{name}: the connection broke: {error}", _AGAIN) from None
    except (ValueError, AttributeError, TypeError) as error:
        raise _garbage(name, error) from None


def _plain(host: str, name: str, stall: float) -> Iterator[Any]:
    body = json.dumps({"model": name, "stream": True}).encode()
    headers = {"Content-Type": "application/json"}
    try:
        request = urllib.request.Request(f"{host}/api/pull", body, headers)  # noqa: S310
        with _opener(host).open(request, timeout=stall) as answer:
            while line := answer.readline(_MOST_BYTES):
                yield json.loads(line)
    except urllib.error.HTTPError as error:
        with error:
            text = error.read(2000).decode("utf-8", "replace")
        raise _refused(name, error.code, _error_text(text)) from None
    except TimeoutError:
        raise _stalled(name, stall) from None
    except urllib.error.URLError as error:
        raise _unreachable(host, error.reason) from None
    except ValueError as error:
        raise _garbage(name, error) from None
    except _HTTP_ERRORS as error:
        raise MlwsError(f"{name}: the connection broke: {error!r}", _AGAIN) from None


def _progress(name: str, line: Any) -> Progress:
    if not isinstance(line, dict):
        raise _garbage(name, f"a line is {type(line).__name__}")
    if error := line.get("error"):
        raise _refused(name, 200, str(error))
    status, digest = line.get("status"), line.get("digest")
    if not isinstance(status, str):
        raise _garbage(name, "a line has no status")
    numbers = [value if type(value) is int else None for value in map(line.get, _BYTES)]
    return Progress(status, digest if isinstance(digest, str) else "", *numbers)


_BYTES = ("total", "completed")


def _get(host: str, path: str, timeout: float) -> dict[str, Any]:
    try:
        with _opener(host).open(f"{host}{path}", timeout=timeout) as answer:
            data = json.loads(answer.read(_MOST_BYTES))
    except urllib.error.HTTPError as error:
        with error:
            text = error.read(2000).decode("utf-8", "replace")
        raise _not_ollama(host, f"HTTP {error.code}: {_error_text(text)}") from None
    except urllib.error.URLError as error:
        raise _unreachable(host, error.reason) from None
    except TimeoutError:
        raise _unreachable(host, f"no answer within {timeout:.0f} s") from None
    except ValueError:
        raise _not_ollama(host, "its answer is no JSON") from None
    except _HTTP_ERRORS as error:
        raise _not_ollama(host, f"the connection broke: {error!r}") from None
    if not isinstance(data, dict):
        raise _not_ollama(host, "its answer is no JSON object")
    return data


def _opener(host: str) -> urllib.request.OpenerDirector:
    # A proxy from the environment must not be asked for this machine itself.
    direct = [urllib.request.ProxyHandler({})] if _is_loopback(host) else []
    return urllib.request.build_opener(*direct)


def _is_loopback(host: str) -> bool:
    name = urlsplit(host).hostname or ""
    return name == "localhost" or name == "::1" or name.startswith("127.")


def _error_text(text: str) -> str:
    """The words of `{"error": …}`, else the beginning of whatever a proxy put in its place."""
    with contextlib.suppress(ValueError, AttributeError):
        return str(json.loads(text).get("error") or "no reason given")
    plain = " ".join(re.sub(r"<[^>]*>", " ", text).split())
    return plain[:200] or "no reason given"


def _refused(name: str, status: int, words: str) -> MlwsError:
    code = f"HTTP {status}: " if status >= 300 else ""
    return MlwsError(f"{name}: {code}{_error_text(words)}", _advice(words))


def _advice(words: str) -> str:
    if "file does not exist" in words or "invalid model name" in words:
        return "look at model_name in models/registry.yaml: the server's registry has no such model"
    if "no space left" in words:
        return "free space where the server keeps its models"
    return _AGAIN


def _garbage(name: str, why: object) -> MlwsError:
    cure = "look at what answers at this address: a proxy may stand before the server"
    return MlwsError(f"{name}: the answer is not what Ollama sends: {why}", cure)


def _stalled(name: str, seconds: float) -> MlwsError:
    return MlwsError(f"{name}: no progress for {seconds:g} s, given up", _AGAIN)


def _unreachable(host: str, why: object) -> Unavailable:
    return Unavailable(f"no Ollama server at {host}: {why}", _CURE)


def _not_ollama(host: str, why: str) -> Unavailable:
    return Unavailable(f"what answers at {host} is no Ollama server: {why}", _CURE)
