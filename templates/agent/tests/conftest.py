"""What the tests share: an agent that says what it is told to, without a model and a network."""

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from agent.agent import Connection, Deps, Done, Event, Failure, Message, Token
from agent.chat import Chat
from agent.settings import Settings


@dataclass
class Script:
    """Stands in for the agent's `run`: what it says, where it goes silent, what it was asked."""

    words: Sequence[str] = ("Hel", "lo")
    failure: Failure | None = None
    fails_at: int = 0  # the word in whose place the failure comes
    stalls_at: int = -1  # the word before which it goes silent for ever
    asked: list[tuple[list[Message], Deps]] = field(default_factory=list)
    closed: int = 0

    async def run(self, messages: list[Message], deps: Deps) -> AsyncIterator[Event]:
        """Answer as scripted."""
        self.asked.append((messages, deps))
        try:
            for number, word in enumerate(self.words):
                if number == self.stalls_at:
                    await asyncio.Event().wait()
                if self.failure and number == self.fails_at:
                    yield self.failure
                    return
                yield Token(word)
            yield Done(7, len(self.words))
        finally:
            self.closed += 1


@pytest.fixture
def script() -> Script:
    """Return a script that says hello."""
    return Script()


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what the developer has set out of the tests."""
    for name in [name for name in os.environ if name.startswith(("AGENT_", "OTEL_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def make_chat(script: Script) -> Callable[..., Chat]:
    """Return a function that sets up chats with the script; it takes settings."""

    def make(**given: Any) -> Chat:
        usual: dict[str, Any] = {"home": Path(), "name": "test-agent", "model": "test-model"}
        settings = Settings(**usual | {"environment": "development"} | given)
        connection = Connection("http://model.test")
        return Chat.of(settings, Deps(connection, settings.model, "Be brief."), script.run)

    return make


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serve an application on a free loopback port; yield its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="on"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.force_exit = server.should_exit = True
        thread.join()


@pytest.fixture
def serve() -> Iterator[Callable[[Any], str]]:
    """Return a function that serves an application over a real socket and gives its address."""
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(serving(app))
