"""What can go wrong with a server, in its own words, and whether asking again can help."""

from __future__ import annotations

import contextlib
import json
import re

from mlws_scaffold.errors import MlwsError, Unavailable

_CURE = "start it (ollama serve), or name it in OLLAMA_HOST or in [models] host of mlws.toml"
_AGAIN = "run it again: the server goes on where it stopped"
_PROXY = "look at what answers at this address: a proxy may stand before the server"
# Words of the server -> what a person can do. None of these goes away by asking again.
_ADVICE = {
    "file does not exist": "look at model_name in models/registry.yaml: no such model is offered",
    "invalid model name": "look at model_name in models/registry.yaml: host/namespace/model:tag",
    "no space left": "free space where the server keeps its models",
    "requires a newer version": "bring the server up to date",
    "requires": "bring the server up to date, or choose a model that it can run",
    "not found": "see what the server holds: ollama list",
    "unauthorized": "the model is private: sign in on the server (ollama signin)",
}


class ServerError(MlwsError):
    """The server refused, broke off, or stood still.

    again: asking once more can help (a cut connection, a stall, a 5xx, retries used up at the
    server), as against an unknown model, a bad name, a full disk. status: HTTP, 0 without one.
    """

    def __init__(
        self, message: str, cure: str = "", *, again: bool = False, status: int = 0
    ) -> None:
        super().__init__(message, cure)
        self.again = again
        self.status = status


def refused(subject: str, status: int, words: str) -> ServerError:
    """The answer to a status of 300 and more, or to an `error` line (then below 300)."""
    said = error_text(words)
    if 300 <= status < 400:
        cure = "name the address that it leads to in [models] host of mlws.toml"
        return ServerError(f"{subject}: HTTP {status}, sent elsewhere", cure, status=status)
    code = f"HTTP {status}: " if status >= 400 else ""
    advice = next((cure for part, cure in _ADVICE.items() if part in said), None)
    asked_wrongly = 400 <= status < 500 and status not in (408, 429, 499)
    again = advice is None and not asked_wrongly
    cure = advice or (_AGAIN if again else "correct what was asked for")
    return ServerError(f"{subject}: {code}{said}", cure, again=again, status=status)


def broken(subject: str, error: object) -> ServerError:
    return ServerError(f"{subject}: the connection broke: {error}", _AGAIN, again=True)


def ended(subject: str, where: str, wanted: str) -> ServerError:
    """A stream that ended in good order, but too early."""
    return ServerError(f"{subject}: the answer ended {where}, without {wanted}", _AGAIN, again=True)


def stalled(subject: str, seconds: float) -> ServerError:
    return ServerError(f"{subject}: no progress for {seconds:g} s, given up", _AGAIN, again=True)


def garbage(subject: str, why: object) -> ServerError:
    """What came is not what Ollama sends. The beginning of a JSON object is a broken answer."""
    if isinstance(why, json.JSONDecodeError) and why.doc.lstrip().startswith("{"):
        return broken(subject, "a line is not whole")
    return ServerError(f"{subject}: the answer is not what Ollama sends: {why}", _PROXY)


def unreachable(host: str, why: object) -> Unavailable:
    return Unavailable(f"no Ollama server at {host}: {why}", _CURE)


def not_ollama(host: str, why: object) -> Unavailable:
    return Unavailable(f"what answers at {host} is no Ollama server: {why}", _CURE)


def error_text(text: str) -> str:
    """The words of `{"error": …}`, else the beginning of whatever a proxy put in its place."""
    with contextlib.suppress(ValueError, AttributeError):
        found = json.loads(text).get("error")
        return str(found or "no reason given")
    plain = " ".join(re.sub(r"<[^>]*>", " ", text).split())
    return plain[:200] or "no reason given"
