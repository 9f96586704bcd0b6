"""`/api/chat`, `/api/generate`, `/v1/chat/completions`: scripted answers with timings."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.fake_ollama import showing
from tests.support.fake_ollama.names import Name
from tests.support.fake_ollama.store import Store

NANO = 1_000_000_000


@dataclass(frozen=True)
class Turn:
    """What a model is asked, as it would see it: the model's own system text, messages and
    parameters are merged with those of the request, which win."""

    model: str
    prompt: str
    system: str
    messages: tuple[tuple[str, str], ...]
    options: Mapping[str, Any]
    format: Any = None


Script = Callable[[Turn], str] | Mapping[str, str]
"""The answer for a turn: from a function, or by the prompt; a prompt that is missing is echoed."""


def echo(turn: Turn) -> str:
    if turn.format:
        return json.dumps({"answer": turn.prompt})
    return f"You said: {turn.prompt}"


@dataclass
class Pace:
    """Real seconds. token_seconds: for each piece; vram: the part of a model on the GPU."""

    load_seconds: float = 0.0
    first_seconds: float = 0.0
    token_seconds: float = 0.0
    vram: float = 1.0


class Engine:
    """What is in memory, and what it says."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._cached: dict[Name, str] = {}
        self.loaded: dict[Name, dict[str, Any]] = {}
        self.script: Script = echo
        self.pace = Pace()
        self.wait: Callable[[float], None] = time.sleep
        """Waits; raises when the client is gone."""

    def load(self, name: Name, body: Mapping[str, Any]) -> int:
        """Bring into memory; nanoseconds of it, a little also when it was there."""
        with self._lock:
            is_there = name in self.loaded and self.loaded[name]["until"] > time.time()
        if not is_there:
            self.wait(self.pace.load_seconds)
        manifest = self._store.manifest(name) or {"layers": []}
        size = sum(layer["size"] for layer in manifest["layers"])
        options = {**showing.parameters(self._store, name), **(body.get("options") or {})}
        seconds = showing.keep(body.get("keep_alive"))
        state = {
            "size": size,
            "vram": int(size * self.pace.vram),
            "context": int(options.get("num_ctx", 4096)),
            "until": time.time() + (seconds if seconds >= 0 else 1e9),
        }
        with self._lock:
            self.loaded[name] = state
        return 1_000_000 if is_there else int(self.pace.load_seconds * NANO) + 50_000_000

    def unload(self, name: Name) -> None:
        with self._lock:
            self.loaded.pop(name, None)
            self._cached.pop(name, None)

    def speak(self, name: Name, asked: str, body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Pieces of the answer with None, and at the end the last one, empty, with its metrics."""
        loading = self.load(name, body)
        turn = self._turn(name, asked, body)
        self.wait(self.pace.first_seconds)
        pieces = re.findall(r"\S+\s*|\s+", self._answer(turn))
        limit = turn.options.get("num_predict")
        reason = "stop"
        if isinstance(limit, int | float) and 0 <= limit < len(pieces):
            pieces, reason = pieces[: int(limit)], "length"
        for piece in pieces:
            yield piece, None
            self.wait(self.pace.token_seconds)
        yield "", {"done_reason": reason, **self._metrics(name, turn, loading, len(pieces))}

    def _answer(self, turn: Turn) -> str:
        if callable(self.script):
            return self.script(turn)
        return self.script.get(turn.prompt, echo(turn))

    def _turn(self, name: Name, asked: str, body: Mapping[str, Any]) -> Turn:
        store = self._store
        given = [(one["role"], str(one.get("content") or "")) for one in body["messages"]]
        own = [(one["role"], one["content"]) for one in showing.messages(store, name)]
        system = next((text for role, text in given if role == "system"), None)
        if system is None:
            system = body.get("system") or showing.text_of(store, name, "system")
        options = {**showing.parameters(store, name), **(body.get("options") or {})}
        prompt = next((text for role, text in reversed(given) if role == "user"), "")
        return Turn(asked, prompt, system, (*own, *given), options, body.get("format"))

    def _metrics(self, name: Name, turn: Turn, loading: int, count: int) -> dict[str, int]:
        """Nanoseconds; what is 0 is left out, as is a prompt that was in the cache."""
        words = len(f"{turn.system} {' '.join(text for _, text in turn.messages)}".split())
        with self._lock:
            is_cached = self._cached.get(name) == f"{turn.messages}"
            self._cached[name] = f"{turn.messages}"
        evaluated = max(int(self.pace.first_seconds * NANO), 1_000_000) if not is_cached else 0
        speaking = count * max(int(self.pace.token_seconds * NANO), 2_000_000)
        found = {
            "total_duration": loading + evaluated + speaking,
            "load_duration": loading,
            "prompt_eval_count": 0 if is_cached else words,
            "prompt_eval_duration": evaluated,
            "eval_count": count,
            "eval_duration": speaking,
        }
        return {key: value for key, value in found.items() if value}


def chat_line(asked: str, piece: str, last: Mapping[str, Any] | None) -> dict[str, Any]:
    message = {"role": "assistant", "content": piece}
    return _line(asked, {"message": message}, last)


def generate_line(asked: str, piece: str, last: Mapping[str, Any] | None) -> dict[str, Any]:
    return _line(asked, {"response": piece}, last)


def _line(asked: str, said: dict[str, Any], last: Mapping[str, Any] | None) -> dict[str, Any]:
    about = {"model": asked, "created_at": showing.moment(time.time())}
    return {**about, **said, "done": last is not None, **(last or {})}


def whole(asked: str, body: Mapping[str, Any], said: list[tuple[str, Any]]) -> dict[str, Any]:
    """The answer of `stream: false`."""
    text, last = "".join(piece for piece, _ in said), said[-1][1]
    line = generate_line if "prompt" in body else chat_line
    return line(asked, text, last)


def completion(asked: str, said: list[tuple[str, Any]]) -> dict[str, Any]:
    """`/v1/chat/completions` in one piece."""
    last = said[-1][1]
    message = {"role": "assistant", "content": "".join(piece for piece, _ in said)}
    choice = {"index": 0, "message": message, "finish_reason": last["done_reason"]}
    return {**_head(asked, "chat.completion"), "choices": [choice], "usage": _usage(last)}


def chunks(
    asked: str, said: Iterator[tuple[str, Any]], body: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """The events of a streamed completion, the usage last when it was asked for."""
    head = _head(asked, "chat.completion.chunk")
    role: dict[str, str] = {"role": "assistant"}
    for piece, last in said:
        reason = last["done_reason"] if last else None
        delta = {**role, "content": piece}
        role = {}
        yield {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
        if last and (body.get("stream_options") or {}).get("include_usage"):
            yield {**head, "choices": [], "usage": _usage(last)}


def _head(asked: str, kind: str) -> dict[str, Any]:
    now = int(time.time())
    head = {"id": f"chatcmpl-{now % 1000}", "object": kind, "created": now, "model": asked}
    return {**head, "system_fingerprint": "fp_ollama"}


def _usage(last: Mapping[str, Any]) -> dict[str, int]:
    prompt, said = last.get("prompt_eval_count", 0), last.get("eval_count", 0)
    return {"prompt_tokens": prompt, "completion_tokens": said, "total_tokens": prompt + said}
