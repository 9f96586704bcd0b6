"""Asking a model, with the times that the server and our own clock measured."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlws_scaffold.adapters.ollama import failures, talking
from mlws_scaffold.adapters.ollama.wire import Target

_NANO = 1e-9
_LOADING = 600.0  # seconds: large weights come from a slow disk


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said.

    first_token_seconds, seconds: from sending the request, by our clock. The others are the
    server's, None where it leaves a value out (it does so for zero: a prompt that was cached).
    """

    text: str
    first_token_seconds: float
    seconds: float
    load_seconds: float | None
    prompt_tokens: int | None
    prompt_seconds: float | None
    tokens: int | None
    token_seconds: float | None
    done_reason: str


def chat(
    host: str,
    name: str,
    messages: Sequence[Mapping[str, str]],
    *,
    options: Mapping[str, object] | None = None,
    format: object = None,
    timeout: float = 120.0,
) -> Answer:
    """The whole answer to a conversation.

    options: `temperature`, `seed`, … as in a Modelfile; format: "json" or a JSON schema; timeout:
    seconds for all of it. Raises ServerError: refused, broken, or ended before it was done.
    """
    fields: dict[str, object] = {
        "model": name,
        "messages": [dict(one) for one in messages],
        "options": options,
        "format": format,
    }
    chosen = {key: value for key, value in fields.items() if value}
    target = Target(host, name, timeout)
    pieces: list[str] = []
    with contextlib.closing(talking.stream(target, "chat", chosen)) as parts:
        clock = _Clock()
        for part in parts:
            content, thought = _said(target, part)
            pieces.append(content)
            if content or thought or part.get("done"):
                clock.first = clock.first or clock.now()
            if part.get("done"):
                return _answer("".join(pieces), clock, part)
            if clock.now() > timeout:
                raise failures.stalled(name, timeout)
    raise failures.ended(name, f"after {len(pieces)} pieces", "being done")


def load(host: str, name: str, timeout: float = _LOADING) -> None:
    """Bring a model into the server's memory. Raises ServerError."""
    talking.ask(Target(host, name, timeout), "generate", {"model": name, "prompt": ""})


def unload(host: str, name: str) -> None:
    """Take a model out of the server's memory, where it is there. Raises ServerError."""
    fields = {"model": name, "prompt": "", "keep_alive": 0}
    talking.ask(Target(host, name, 60.0), "generate", fields)


class _Clock:
    def __init__(self) -> None:
        self._began = time.perf_counter()
        self.first = 0.0

    def now(self) -> float:
        return time.perf_counter() - self._began


def _said(target: Target, part: Mapping[str, Any]) -> tuple[str, str]:
    message = part.get("message")
    if not isinstance(message, dict):
        raise failures.garbage(target.subject, "a line has no message")
    return str(message.get("content") or ""), str(message.get("thinking") or "")


def _answer(text: str, clock: _Clock, last: Mapping[str, Any]) -> Answer:
    def number(key: str) -> int | None:
        value = last.get(key)
        return value if type(value) is int else None

    def seconds(key: str) -> float | None:
        value = number(key)
        return None if value is None else value * _NANO

    return Answer(
        text=text,
        first_token_seconds=clock.first,
        seconds=clock.now(),
        load_seconds=seconds("load_duration"),
        prompt_tokens=number("prompt_eval_count"),
        prompt_seconds=seconds("prompt_eval_duration"),
        tokens=number("eval_count"),
        token_seconds=seconds("eval_duration"),
        done_reason=str(last.get("done_reason") or ""),
    )
