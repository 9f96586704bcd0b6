"""The server as a sync talks to it: with patience, where asking again can help."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TypeVar

from mlws_scaffold.adapters import ollama
from mlws_scaffold.adapters.ollama import Held, Progress, ServerError, Shown, TooOld
from mlws_scaffold.errors import MlwsError, Unavailable
from mlws_scaffold.models.progress import Watch

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """In seconds. stall: without any progress of a pull, a build or an upload. answer: for any
    other answer. pauses: before each further try.
    """

    stall: float = 600.0
    answer: float = 30.0
    pauses: tuple[float, ...] = (1.0, 5.0, 15.0)


PATIENT = Patience()


class Stopped(Exception):
    """The sync was interrupted; only its own threads see this."""


@dataclass(frozen=True, slots=True)
class Server:
    host: str
    patience: Patience
    watch: Watch
    stopping: threading.Event = field(default_factory=threading.Event)

    def held(self) -> dict[str, Held]:
        return self.persist("", lambda: ollama.held(self.host, self.patience.answer))

    def version(self) -> str:
        """Empty when it does not say: nothing depends on it."""
        try:
            return ollama.version(self.host, min(self.patience.answer, 5.0))
        except Unavailable:
            return ""

    def show(self, name: str) -> Shown | None:
        return self.persist("", lambda: ollama.show(self.host, name, self.patience.answer))

    def follow(self, key: str, start: Callable[[], Generator[Progress]]) -> None:
        """Run a pull, a build or an upload to its success, from the start again where it helps."""

        def once() -> None:
            with contextlib.closing(start()) as parts:
                for part in parts:
                    if self.stopping.is_set():
                        raise Stopped
                    self.watch(key, part)

        self.persist(key, once)

    def persist(self, key: str, ask: Callable[[], T]) -> T:
        """Ask until it is answered or refused for good. Raises MlwsError of the last try."""
        for pause in self.patience.pauses:
            try:
                return ask()
            except (ServerError, Unavailable) as error:
                if not _can_help(error):
                    raise
                self.watch(key, Progress(f"again in {pause:g} s: {error.message}"))
            if self.stopping.wait(pause):
                raise Stopped
        return ask()


def _can_help(error: MlwsError) -> bool:
    if isinstance(error, ServerError):
        return error.again
    return isinstance(error, Unavailable) and not isinstance(error, TooOld)
