"""The server as a test holds it: what it has, what it offers, how it fails, what it was asked."""

from __future__ import annotations

import contextlib
import random
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from tests.support.fake_ollama.answering import Engine, Pace, Script
from tests.support.fake_ollama.faults import Fault, Kind
from tests.support.fake_ollama.library import Library, Offer
from tests.support.fake_ollama.names import parse
from tests.support.fake_ollama.pulling import Downloads
from tests.support.fake_ollama.record import Asked, Record
from tests.support.fake_ollama.server import Handler, Server
from tests.support.fake_ollama.store import Store

# Where in a pull the faults of the short form (`faults={"m:1": "cut"}`) happen.
_AT: dict[str, int] = {"inline": 2, "garbage": 2, "stall": 2, "silence": 2, "cut": 4, "disk": 2}


class FakeOllama:
    """An Ollama server. Everything can be changed while it runs.

    offered: names that can be pulled. faults: per model, how its pull goes wrong. instead: the
    whole server is something else: every request is answered with that. state: a folder that
    keeps what it holds from one process to the next.
    """

    def __init__(
        self,
        offered: Iterable[str] = (),
        faults: Mapping[str, Kind] | None = None,
        instead: Literal["", "html", "garbage", "list"] = "",
        version: str = "0.33.0",
        state: Path | None = None,
    ) -> None:
        self.store = Store(state)
        self.library = Library()
        self.downloads = Downloads(self.store, self.library)
        self.engine = Engine(self.store)
        self.record = Record()
        self.shuffle = random.Random(1)
        self.instead = instead
        self.version = version
        self.pull_pace = 0.0
        self.url = ""
        self.stopping = threading.Event()
        self._faults: list[Fault] = []
        self._here = threading.local()
        self.downloads.pause = lambda: self._wait(self.pull_pace)
        self.engine.wait = self._wait
        for name in offered:
            self.library.offer(name)
        for name, kind in (faults or {}).items():
            at = -1 if kind == "truncated" else _AT.get(kind, 0)
            self.fail(kind, route="pull", name=name, at=at)

    def offer(self, name: str, **recipe: Any) -> Offer:
        """Offer a model to be pulled, or move its tag; see library.Recipe for what can be said."""
        return self.library.offer(name, **recipe)

    def add(self, *names: str) -> None:
        """Models that are on the server already. Names that are not offered are offered then."""
        for text in names:
            name = parse(text)
            self.store.put(name, self.library.find(name) or self.library.offer(text))

    def fail(self, kind: Kind, **where: Any) -> Fault:
        """Add a fault; see faults.Fault. The first one that meets a request happens."""
        fault = Fault(kind, **where)
        self._faults.append(fault)
        return fault

    def mend(self) -> None:
        """No faults any more."""
        self._faults.clear()

    def fault_for(self, route: str, name: str) -> Fault | None:
        met = [fault for fault in list(self._faults) if fault.meets(route, name)]
        return met[0] if met else None

    @property
    def models(self) -> dict[str, str]:
        """Name -> digest, 64 hex digits."""
        with self.store.lock:
            return {str(name): self.store.digest(name) for name in self.store.manifests}

    @property
    def asked(self) -> list[str]:
        return [str(one) for one in self.record.requests]

    @property
    def changes(self) -> list[Asked]:
        """The requests that can change what the server holds."""
        return [one for one in self.record.requests if one.changes]

    @property
    def script(self) -> Script:
        """What models answer: a function from a Turn, or a table from prompt to answer."""
        return self.engine.script

    @script.setter
    def script(self, script: Script) -> None:
        self.engine.script = script

    @property
    def pace(self) -> Pace:
        return self.engine.pace

    @property
    def number(self) -> tuple[int, ...]:
        """Built from source, it says 0.0.0 or anything, and is as new as can be."""
        found = tuple(int(part) for part in re.findall(r"\d+", self.version)[:3])
        return found if any(found) else (9999,)

    def restart(self, lose_parts: bool = True) -> None:
        """What a restart of the server does to its disk and its memory."""
        self.store.restart(lose_parts)
        self.engine.loaded.clear()

    def watch(self, wait: Callable[[float], None]) -> None:
        """The handler of this thread: how to wait for something while its client may leave."""
        self._here.wait = wait

    def _wait(self, seconds: float) -> None:
        self._here.wait(seconds)


@contextlib.contextmanager
def running(fake: FakeOllama | None = None, port: int = 0) -> Iterator[FakeOllama]:
    """Serve on a free port; `url` of the yielded object is the address."""
    with Server(("127.0.0.1", port), Handler) as server:
        server.fake = fake or FakeOllama()
        server.fake.stopping.clear()
        server.fake.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.004})
        thread.start()
        try:
            yield server.fake
        finally:
            server.fake.stopping.set()
            server.shutdown()
            thread.join()
