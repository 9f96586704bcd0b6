"""Steady traffic from callers who wait for no one: what each of them sent and got."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE = 60.0


@dataclass(slots=True)
class Sent:
    """One chat as its caller saw it. Times are of `time.monotonic`; status 0: no answer."""

    name: str
    begun: float
    status: int = 0
    version: str = ""
    first: float = 0.0
    whole: bool = False

    @property
    def failed(self) -> bool:
        return self.status != 200 or not self.whole


@dataclass(slots=True)
class Traffic:
    """A load of `rate` chats a second at a loopback port, until it is stopped."""

    port: int
    rate: float
    sent: list[Sent] = field(default_factory=list)
    name: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    _stop: threading.Event = field(default_factory=threading.Event)

    @property
    def failed(self) -> list[Sent]:
        return [one for one in self.sent if one.failed]

    def by_version(self, since: float = 0.0) -> Counter[str]:
        """How many chats that began at or after a moment each version answered."""
        return Counter(one.version for one in self.sent if one.begun >= since and one.version)

    async def _run(self) -> None:
        tasks = []
        begin, number = time.monotonic(), 0
        while not self._stop.is_set():
            tasks.append(asyncio.create_task(self._one(f"{self.name}-{number}")))
            number += 1
            await asyncio.sleep(max(0.0, begin + number / self.rate - time.monotonic()))
        await asyncio.gather(*tasks)

    async def _one(self, name: str) -> None:
        one = Sent(name, time.monotonic())
        self.sent.append(one)
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
            await asyncio.wait_for(self._ask(one), PATIENCE)

    async def _ask(self, one: Sent) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: agent\r\nX-Request-Id: {one.name}"
            writer.write(f"{head}\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}".encode())
            lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            one.status = int(lines[0].split(" ")[1])
            fields = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
            one.version = fields.get("x-version", "")
            body = b""
            while chunk := await reader.read(65536):
                one.first = one.first or time.monotonic() - one.begun
                body += chunk
            one.whole = b"[DONE]" in body and b"event: error" not in body
        finally:
            writer.close()


@contextlib.contextmanager
def steady(port: int, rate: float) -> Iterator[Traffic]:
    """Traffic while the block runs; at its end every caller has got an answer or given up."""
    traffic = Traffic(port, rate)
    thread = threading.Thread(target=lambda: asyncio.run(traffic._run()), daemon=True)
    thread.start()
    try:
        yield traffic
    finally:
        traffic._stop.set()
        thread.join(PATIENCE + 10)


def served_twice(folder: Path) -> list[str]:
    """The names of the chats that an agent began more than once."""
    log = folder / "served.log"
    lines = log.read_text().splitlines() if log.exists() else []
    names = Counter(line.split(" ")[0] for line in lines)
    return [name for name, count in names.items() if count > 1 and name != "-"]
