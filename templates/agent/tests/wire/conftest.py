"""The server as a process would run it, with a fake model server behind it, over real sockets."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from agent.agent import Connection, Deps, run
from agent.chat import Chat
from agent.server import create_app
from agent.settings import Settings


@dataclass
class Upstream:
    """Both chat routes of Ollama, with what can go wrong on the way."""

    words: tuple[str, ...] = ("Hel", "lo")
    models: tuple[str, ...] = ("test-model:latest",)
    status: int = 200
    pace: float = 0.0  # seconds before each word
    stalls_at: int = -1  # the word before which it goes silent for ever
    cut_at: int = -1  # the word in whose place the connection ends
    garbage_at: int = -1  # the word in whose place comes something unreadable
    asked: list[dict[str, Any]] = field(default_factory=list)
    left: list[float] = field(default_factory=list)  # when a caller went away, by time.monotonic

    def app(self) -> Starlette:
        """Return the application."""
        routes = [
            Route("/api/tags", self.tags),
            Route("/api/chat", self.chat, methods=["POST"]),
            Route("/v1/chat/completions", self.chat, methods=["POST"]),
        ]
        return Starlette(routes=routes)

    async def tags(self, _: Request) -> Response:
        """List the models."""
        return JSONResponse({"models": [{"model": name} for name in self.models]}, self.status)

    async def chat(self, request: Request) -> Response:
        """Answer as told."""
        self.asked.append(await request.json())
        openai = request.url.path.startswith("/v1/")
        if self.status != 200:
            error: Any = {"message": "server busy"} if openai else "server busy"
            return JSONResponse({"error": error}, self.status)
        kind = "text/event-stream" if openai else "application/x-ndjson"
        return StreamingResponse(self._lines(openai), media_type=kind)

    async def _lines(self, openai: bool) -> AsyncIterator[str]:
        try:
            for number, word in enumerate(self.words):
                await asyncio.sleep(self.pace)
                if number == self.stalls_at:
                    await asyncio.Event().wait()
                if number == self.cut_at:
                    return
                yield _line(openai, word) if number != self.garbage_at else _garbage(openai)
            for line in _end(openai, len(self.words)):
                yield line
        except asyncio.CancelledError:
            self.left.append(time.monotonic())
            raise


def _line(openai: bool, word: str) -> str:
    message = {"role": "assistant", "content": word}
    if not openai:
        return json.dumps({"model": "m", "message": message, "done": False}) + "\n"
    return _chunk([{"index": 0, "delta": message, "finish_reason": None}])


def _end(openai: bool, count: int) -> list[str]:
    if not openai:
        end = {"done": True, "done_reason": "stop", "prompt_eval_count": 7, "eval_count": count}
        return [json.dumps({"model": "m", "message": {"role": "assistant", "content": ""}} | end)]
    usage = {"prompt_tokens": 7, "completion_tokens": count, "total_tokens": 7 + count}
    last = _chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}])
    return [last, _chunk([], usage=usage), "data: [DONE]\n\n"]


def _chunk(choices: list[Any], **more: Any) -> str:
    head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return f"data: {json.dumps(head | {'choices': choices} | more)}\n\n"


def _garbage(openai: bool) -> str:
    return "data: {no json\n\n" if openai else "{no json\n"


@pytest.fixture
def upstream() -> Upstream:
    """Return a model server that says hello."""
    return Upstream()


Started = tuple[str, Chat]


@pytest.fixture
def start(upstream: Upstream, serve: Callable[[Any], str]) -> Callable[..., Started]:
    """Return a function that serves the agent; it takes settings and gives address and chat."""

    def begin(model_server: str = "", **given: Any) -> Started:
        model_server = model_server or serve(upstream.app())
        usual: dict[str, Any] = {"home": Path(), "name": "test-agent", "model": "test-model"}
        settings = Settings(**usual | {"environment": "development"} | given)
        deps = Deps(Connection(model_server), settings.model, "Be brief.")
        chat = Chat.of(settings, deps, run)
        return serve(create_app(chat, ())), chat

    return begin
