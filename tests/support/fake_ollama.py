"""A small Ollama server: version, tags and pull as the real one speaks them, and its faults."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Fault = Literal["", "truncated", "html", "garbage", "stall", "silence", "inline", "cut", "unlisted"]
LAYER = "sha256:" + "8eeb52dfb3bb" + "0" * 52


@dataclass
class FakeOllama:
    """What the server holds and offers. `faults` names, per model, how its pull goes wrong."""

    models: dict[str, str] = field(default_factory=dict)
    offered: set[str] = field(default_factory=set)
    faults: dict[str, Fault] = field(default_factory=dict)
    # The whole server is something else: every request is answered with this.
    instead: Literal["", "html", "garbage", "list"] = ""
    asked: list[str] = field(default_factory=list)
    url: str = ""
    stopping: threading.Event = field(default_factory=threading.Event)

    def add(self, *names: str) -> None:
        for name in names:
            full = name if ":" in name else f"{name}:latest"
            self.models[full] = hashlib.sha256(full.encode()).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        self.server.fake.asked.append(f"{self.command} {self.path}")

    def do_GET(self) -> None:
        fake = self.server.fake
        if self._is_something_else():
            return
        if self.path == "/api/version":
            self._whole(200, {"version": "0.33.0"})
        elif self.path == "/api/tags":
            listed = [
                {"name": name, "model": name, "size": 1, "digest": digest}
                for name, digest in fake.models.items()
            ]
            self._whole(200, {"models": listed})
        else:
            self._text(404, "404 page not found")

    def do_POST(self) -> None:
        fake = self.server.fake
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self._is_something_else():
            return
        name = json.loads(body)["model"]
        if fake.faults.get(name) == "html":
            self._text(502, "<html><body><h1>502 Bad Gateway</h1></body></html>", "text/html")
        elif " " in name:
            self._whole(400, {"error": "invalid model name"})
        else:
            self._stream(name)

    def _stream(self, name: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with contextlib.suppress(OSError):
            for part in self._pull(name):
                self._chunk(part)
            self.wfile.write(b"0\r\n\r\n")

    def _pull(self, name: str) -> Iterator[bytes]:
        fake, fault = self.server.fake, self.server.fake.faults.get(name, "")
        yield _line({"status": "pulling manifest"})
        if name not in fake.offered:
            yield _line({"error": "pull model manifest: file does not exist"})
            return
        layer = {"status": f"pulling {LAYER[7:19]}", "digest": LAYER, "total": 1000}
        yield _line(layer)  # `completed` is left out while it is 0
        if fault == "stall":
            while not fake.stopping.wait(0.05):
                yield _line({**layer, "completed": 100})
        if fault == "silence":
            fake.stopping.wait(30)
        if fault == "inline":
            yield _line({"error": "max retries exceeded: EOF"})
            return
        if fault == "garbage":
            yield b"this is no JSON\n"
        # Backwards once: a failed part is rolled back.
        for completed in (400, 300, 1000):
            whole = _line({**layer, "completed": completed})
            yield whole[:20]
            yield whole[20:]
        if fault == "truncated":
            return
        if fault == "cut":
            self.connection.shutdown(2)
            return
        yield _line({"status": "verifying sha256 digest"}) + _line({"status": "writing manifest"})
        if fault != "unlisted":
            fake.add(name)
        yield _line({"status": "success"})

    def _is_something_else(self) -> bool:
        instead = self.server.fake.instead
        if instead == "html":
            self._text(502, "<html><title>Bad Gateway</title></html>", "text/html")
        elif instead == "garbage":
            self._text(200, "\x00\x01 not for you")
        elif instead == "list":
            self._text(200, "[1, 2]")
        return bool(instead)

    def _whole(self, status: int, data: object) -> None:
        self._text(status, json.dumps(data), "application/json")

    def _text(self, status: int, text: str, kind: str = "text/plain") -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    fake: FakeOllama


def _line(data: object) -> bytes:
    return json.dumps(data).encode() + b"\n"


@contextlib.contextmanager
def running(fake: FakeOllama | None = None) -> Iterator[FakeOllama]:
    """Serve on a free port; `url` of the yielded object is the address."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.fake = fake or FakeOllama()
        server.fake.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.fake
        finally:
            server.fake.stopping.set()
            server.shutdown()
            thread.join()


if __name__ == "__main__":
    offer = FakeOllama(offered={"llama3.1:8b"})
    with running(offer):
        print(offer.url, flush=True)
        time.sleep(3600)
