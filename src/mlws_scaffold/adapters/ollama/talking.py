"""The `ollama` package is the client; where it is not installed, `wire` sends the same fields.

Both are one call here: the name of the operation is that of the client's method and of the route,
its keyword arguments are the fields of the request. What the client leaves undone is done here:
a time limit on silence, no proxy for this machine, no redirects, errors as ServerError.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Generator, Iterator, Mapping
from types import ModuleType
from typing import Any, Literal

from mlws_scaffold.adapters.ollama import failures, wire
from mlws_scaffold.adapters.ollama.names import is_loopback
from mlws_scaffold.adapters.ollama.wire import Target

Operation = Literal["pull", "chat", "generate", "copy", "delete"]
_METHODS = {"delete": "DELETE"}


def stream(target: Target, operation: Operation, fields: Mapping[str, object]) -> Generator[Any]:
    """The objects of a streamed answer. Closing the generator makes the server stop its work.

    Nothing is sent before the first object is asked for, and everything that takes time here
    (imports, certificates) is done by then: whoever measures begins to do so between the two.
    """
    if modules := _official():
        _certificates(not is_loopback(target.host))
        return _streamed(modules, target, operation, fields)
    return lines(target, f"/api/{operation}", fields)


def _streamed(
    modules: tuple[ModuleType, ModuleType],
    target: Target,
    operation: Operation,
    fields: Mapping[str, object],
) -> Generator[Any]:
    with _client(modules, target) as client:
        parts = getattr(client, operation)(**fields, stream=True)
        with contextlib.closing(parts):
            for part in parts:
                yield part.model_dump(exclude_none=True)


def lines(target: Target, path: str, fields: Mapping[str, object]) -> Generator[dict[str, Any]]:
    """The same over `wire`, also for what the client has no call for."""
    request = wire.posting(path, {**fields, "stream": True})
    with contextlib.closing(wire.lines(target, request)) as found:
        for line in found:
            if not isinstance(line, dict):
                raise failures.garbage(target.subject, f"a line is {type(line).__name__}")
            if error := line.get("error"):
                raise failures.refused(target.subject, 200, str(error))
            yield line


def ask(target: Target, operation: Operation, fields: Mapping[str, object]) -> None:
    """One request whose answer says no more than that it was done."""
    if modules := _official():
        with _client(modules, target) as client:
            getattr(client, operation)(**fields)
    else:
        method = _METHODS.get(operation, "POST")
        streamed = {"stream": False} if operation == "generate" else {}
        wire.ask(target, wire.posting(f"/api/{operation}", {**fields, **streamed}, method))


def _official() -> tuple[ModuleType, ModuleType] | None:
    """The client and its HTTP library, imported only when a server is talked to."""
    try:
        import httpx
        import ollama
    except ImportError:
        return None
    return ollama, httpx


@functools.cache
def _certificates(environment: bool) -> Any:
    """Read once: 20 ms that would count as the time a model needs for its first word."""
    import httpx

    return httpx.create_ssl_context(trust_env=environment)


@contextlib.contextmanager
def _client(modules: tuple[ModuleType, ModuleType], target: Target) -> Iterator[Any]:
    ollama, httpx = modules
    subject = target.subject
    limits = httpx.Timeout(target.seconds, connect=wire.CONNECT)
    environment = not is_loopback(target.host)
    options = {
        "trust_env": environment,
        "follow_redirects": False,
        "verify": _certificates(environment),
    }
    try:
        # Versions before 0.6 leave the key out, those before 0.6.2 cannot be closed.
        sent = wire.authorization()
        client = ollama.Client(target.host, timeout=limits, headers=sent, **options)
        with contextlib.ExitStack() as stack:
            if hasattr(client, "close"):
                stack.callback(client.close)
            yield client
    except ollama.ResponseError as error:
        raise failures.refused(subject, error.status_code, error.error) from None
    except httpx.ConnectTimeout as error:
        raise failures.unreachable(target.host, error) from None
    except httpx.TimeoutException:
        raise failures.stalled(subject, target.seconds) from None
    except (httpx.ConnectError, ConnectionError) as error:
        raise failures.unreachable(target.host, error) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise failures.broken(subject, error) from None
    except (ValueError, AttributeError, TypeError) as error:
        raise failures.garbage(subject, error) from None
