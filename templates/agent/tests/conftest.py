"""A fake model server for the tests, met by the real client; nothing here touches a network."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from ollama import AsyncClient

from agent.agent import Deps, run
from agent.chat import Chat
from agent.settings import Settings


@dataclass
class FakeOllama:
    """Answers `/api/chat` with one reply after the other, `/api/tags` with its models."""

    replies: list[list[dict[str, Any]]] = field(default_factory=list)  # the last one is repeated
    models: list[str] = field(default_factory=lambda: ["test-model:latest"])
    status: int = 200
    error: Exception | None = None  # raised instead of an answer, as a broken connection is
    stalls_at: int = -1  # the line before which it goes silent for ever
    requests: list[dict[str, Any]] = field(default_factory=list)
    closed: int = 0

    def client(self) -> AsyncClient:
        return AsyncClient(host="http://ollama.test", transport=httpx.MockTransport(self._answer))

    def says(self, *words: str, **last: Any) -> "FakeOllama":
        """Script a reply of these words and its closing line."""
        lines = [{"message": {"role": "assistant", "content": word}} for word in words]
        end = {"prompt_eval_count": 7, "eval_count": len(words), "done_reason": "stop"} | last
        self.replies = [[*lines, {"message": {"role": "assistant"}, "done": True} | end]]
        return self

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.error:
            raise self.error
        if request.url.path == "/api/tags":
            models = [{"model": name} for name in self.models]
            return httpx.Response(self.status, json={"models": models})
        self.requests.append(json.loads(request.content))
        if self.status != 200:
            return httpx.Response(self.status, json={"error": "server busy"})
        lines = self.replies[min(len(self.requests), len(self.replies)) - 1]
        return httpx.Response(200, content=self._stream(lines))

    async def _stream(self, lines: list[dict[str, Any]]) -> AsyncIterator[bytes]:
        try:
            for number, line in enumerate(lines):
                if number == self.stalls_at:
                    await asyncio.Event().wait()
                yield json.dumps({"model": "test-model"} | line).encode() + b"\n"
        finally:
            self.closed += 1


@pytest.fixture
def ollama() -> FakeOllama:
    """Return a fake that says hello."""
    return FakeOllama().says("Hel", "lo")


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what the developer has set out of the tests."""
    for name in [name for name in os.environ if name.startswith("AGENT_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def make_chat(ollama: FakeOllama) -> Callable[..., Chat]:
    """Return a function that sets up chats with the fake; it takes settings."""

    def make(**given: Any) -> Chat:
        usual: dict[str, Any] = {"home": Path(), "name": "test-agent", "model": "test-model"}
        settings = Settings(**usual | {"environment": "development"} | given)
        return Chat.of(settings, Deps(ollama.client(), settings.model, "Be brief."), run)

    return make
