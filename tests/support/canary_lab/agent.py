"""An agent of the standard library alone, with a fault: python agent.py PORT VERSION FOLDER.

FOLDER/faults.json maps a version to its fault (none: it is well); every request it begins to answer
is a line in FOLDER/served.log, so that a POST that ran twice is found. Like the template's agent it
sends its headers with the first token, ends its streams after SIGTERM, and counts what it did.

Faults: `errors` (every 20th chat is a 500), `slow` (3 times), `dies` (in the middle of its 10th
stream), `never-ready`, `hidden` (an error inside every 8th stream), `hangs` (after 10 chats).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path

TOKENS = 5
PACE = 0.02
FIRST = (0.03, 0.05, 0.07)


class Agent:
    def __init__(self, version: str, folder: Path) -> None:
        faults = folder / "faults.json"
        known = json.loads(faults.read_text()) if faults.exists() else {}
        self.version = version
        self.fault = known.get(version, "")
        self.served = os.open(folder / "served.log", os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o644)
        self.counts = {"200": 0, "500": 0}
        self.firsts = self.running = self.asked = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            lines = head.split("\r\n")
            fields = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
            await reader.readexactly(int(fields.get("content-length", 0)))
            method, path, _ = lines[0].split(" ", 2)
            if method == "POST":
                self.running += 1
                try:
                    await self.chat(fields.get("x-request-id", "-"), writer)
                finally:
                    self.running -= 1
            elif path == "/metrics":
                self.whole(writer, 200, self.metrics())
            elif path in ("/readyz", "/healthz"):
                ready = path == "/healthz" or self.fault != "never-ready"
                self.whole(writer, 200 if ready else 503, "{}")
            else:
                self.whole(writer, 404, "{}")
            await writer.drain()
        with contextlib.suppress(ConnectionError):
            writer.close()
            await writer.wait_closed()

    async def chat(self, request_id: str, writer: asyncio.StreamWriter) -> None:
        self.asked += 1
        number = self.asked
        os.write(self.served, f"{request_id} {self.version}\n".encode())
        if self.fault == "hangs" and number > 10:
            await asyncio.sleep(3600)
        times = 3 if self.fault == "slow" else 1
        await asyncio.sleep(FIRST[number % len(FIRST)] * times)
        if self.fault == "errors" and number % 20 == 7:
            self.counts["500"] += 1
            self.whole(writer, 500, "{}")
            return
        self.firsts += 1
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked"
        writer.write(f"{head}\r\nConnection: close\r\nX-Version: {self.version}\r\n\r\n".encode())
        hidden = self.fault == "hidden" and number % 8 == 7
        for token in range(TOKENS):
            piece(writer, f"data: {token}\n\n")
            await writer.drain()
            if self.fault == "dies" and number == 10 and token == 2:
                os._exit(1)
            await asyncio.sleep(PACE * times)
        self.counts["500" if hidden else "200"] += 1
        piece(writer, "event: error\ndata: {}\n\n" if hidden else "data: [DONE]\n\n")
        writer.write(b"0\r\n\r\n")

    def whole(self, writer: asyncio.StreamWriter, status: int, body: str) -> None:
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close"
        writer.write(f"{head}\r\nX-Version: {self.version}\r\n\r\n{body}".encode())

    def metrics(self) -> str:
        lines = [
            f'agent_requests_total{{status="{status}",stream="true"}} {count}.0'
            for status, count in self.counts.items()
        ]
        lines.append(f"agent_time_to_first_token_seconds_count {self.firsts}.0")
        lines.append(f"agent_inflight {self.running}.0")
        lines.append(f'agent_build_info{{prompt="p",version="{self.version}"}} 1.0')
        return "\n".join(lines) + "\n"


def piece(writer: asyncio.StreamWriter, text: str) -> None:
    writer.write(f"{len(text):x}\r\n{text}\r\n".encode())


async def serve(port: int, version: str, folder: Path) -> None:
    agent = Agent(version, folder)
    server = await asyncio.start_server(agent.answer, "127.0.0.1", port, backlog=256)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    print(server.sockets[0].getsockname()[1], flush=True)
    await ended.wait()
    server.close()
    for _ in range(500):
        if not agent.running:
            break
        await asyncio.sleep(0.02)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
