"""The HTTP side: routes, the two forms of an error, chunked NDJSON, and the faults."""

from __future__ import annotations

import json
import select
import socket
import struct
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from tests.support.fake_ollama.faults import TEXTS, WHOLE, Fault
from tests.support.fake_ollama.pulling import Refusal
from tests.support.fake_ollama.record import CHANGING, Asked
from tests.support.fake_ollama.routes import ROUTES, Stream, Text

if TYPE_CHECKING:
    from tests.support.fake_ollama.fake import FakeOllama

_HTML = "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>"


class Gone(Exception):
    """The client went away, or the server stops."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    fake: FakeOllama

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_HEAD = do_DELETE = do_PUT = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the requests are in the record."""

    def _serve(self) -> None:
        fake = self.server.fake
        data = self._read()
        path = self.path.partition("?")[0]
        if path.startswith("http://"):  # asked as a proxy
            path = "/" + path.split("/", 3)[3]
        route = path.removeprefix("/api/").partition("/")[0] if path.startswith("/api/") else path
        route = "v1" if path.startswith("/v1/") else route
        body = self._decoded(data, route)
        name = _name(body)
        changes = route in CHANGING or (route == "blobs" and self.command == "POST")
        headers = {key.lower(): value for key, value in self.headers.items()}
        fake.record.note(Asked(self.command, path, route, name, body, changes, headers))
        with fake.record.counting(route):
            try:
                self._answer(path, route, name, data if route == "blobs" else body)
            except (Gone, OSError):
                self.close_connection = True

    def _answer(self, path: str, route: str, name: str, body: Any) -> None:
        fake = self.server.fake
        if self._is_something_else():
            return
        fault = fake.fault_for(route, name)
        if fault is not None and self._failed_whole(fault):
            return
        methods = next((found for start, found in ROUTES if _fits(path, start)), None)
        if methods is None:
            self._text(404, "404 page not found")
        elif self.command not in methods:
            self._text(405, "405 method not allowed")
        elif body is None and self.command in ("POST", "DELETE"):
            self._whole(400, {"error": "missing request body"})
        elif not isinstance(body, dict | bytes | None):
            self._whole(400, {"error": "json: cannot unmarshal this into a Go struct"})
        else:
            fake.watch(self._wait)
            try:
                found = methods[self.command](fake, path, body, fault.kind if fault else "")
            except Refusal as refusal:
                self._refuse(route, refusal)
                return
            except Gone:
                self._note_gone(route, name)
                raise
            self._send(found, fault, (route, name))

    def _send(self, found: Any, fault: Fault | None, subject: tuple[str, str]) -> None:
        # Where there is no stream, the thing is done now, and what is said of it does not arrive.
        kind = fault.kind if fault is not None else ""
        if isinstance(found, Stream):
            self._stream(found, fault, subject)
        elif kind in ("lost", "cut", "truncated", "inline", "disk"):
            self._half(found)
        elif kind == "reset":
            self._reset()
        elif kind in ("stall", "silence"):
            self._wait(60)
        elif kind == "garbage":
            self._text(200, "\x00\x01 not for you")
        elif isinstance(found, Text):
            self._text(found.status, found.text, found.kind)
        else:
            self._whole(200, found)

    def _half(self, found: Any) -> None:
        data = found.text.encode() if isinstance(found, Text) else json.dumps(found).encode()
        self._head(200, {"Content-Type": "application/json", "Content-Length": str(len(data) + 9)})
        self.wfile.write(data[: len(data) // 2])
        self.close_connection = True

    def _stream(self, found: Stream, fault: Fault | None, subject: tuple[str, str]) -> None:
        lines = found.encoded()
        # Tokens and faults keep their moments: only quick progress may come in one piece.
        quick = subject[0] in ("pull", "create") and not self.server.fake.pull_pace
        sender = _Sender(self, found.kind, fault, joins=quick and fault is None)
        finished = False
        try:
            for line in _with_last(lines):
                if not sender.send(*line):
                    break
                self._wait(0)
            else:
                finished = True
        except Refusal as refusal:
            finished = True
            if not sender.begun:
                self._refuse(subject[0], refusal)
                return
            sender.raw(found.error(refusal.words))
        except (Gone, OSError):
            self._note_gone(*subject)
            raise Gone from None
        finally:
            lines.close()
        sender.end(finished)

    def _note_gone(self, route: str, name: str) -> None:
        if not self.server.fake.stopping.is_set():
            self.server.fake.record.gone(route, name)

    def _failed_whole(self, fault: Fault) -> bool:
        kind, words = fault.kind, fault.words
        if kind == "reset" and fault.at == 0:
            self._reset()
        elif kind == "silence" and fault.at == 0:
            self._wait(60)
        elif kind not in WHOLE:
            return False
        elif kind == "html":
            self._text(502, _HTML, "text/html")
        elif kind == "busy":
            text = "server busy, please try again.  maximum pending requests exceeded"
            self._whole(503, {"error": words or text})
        elif kind == "500":
            self._whole(500, {"error": words or "something broke inside"})
        elif kind == "redirect":
            self._head(302, {"Location": fault.to, "Content-Length": "0"})
        else:
            self._text(200, "<html>log in first</html>", "text/html")
        return True

    def _refuse(self, route: str, refusal: Refusal) -> None:
        error: Any = refusal.words
        if route == "v1":
            kinds = {400: "invalid_request_error", 404: "not_found_error"}
            kind = kinds.get(refusal.status, "api_error")
            error = {"message": refusal.words, "type": kind, "param": None, "code": None}
        self._whole(refusal.status, {"error": error})

    def _is_something_else(self) -> bool:
        instead = self.server.fake.instead
        if instead == "html":
            self._text(502, _HTML, "text/html")
        elif instead == "garbage":
            self._text(200, "\x00\x01 not for you")
        elif instead == "list":
            self._text(200, "[1, 2]")
        return bool(instead)

    def _read(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _decoded(self, data: bytes, route: str) -> Any:
        if route == "blobs":
            return f"{len(data)} bytes"
        try:
            return json.loads(data) if data else None
        except ValueError:
            return None

    def _wait(self, seconds: float) -> None:
        """Wait as a server does that notices when its client goes. Raises Gone."""
        fake, until = self.server.fake, time.monotonic() + seconds
        while True:
            left = until - time.monotonic()
            readable, _, _ = select.select([self.connection], [], [], max(0.0, min(left, 0.05)))
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                raise Gone
            if fake.stopping.is_set():
                raise Gone
            if left <= 0:
                return
            if readable:  # a second request in the pipe says nothing about this one
                time.sleep(min(max(left, 0), 0.05))

    def _reset(self) -> None:
        """Close so that the client's system reports a reset."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def _whole(self, status: int, data: object) -> None:
        self._text(status, json.dumps(data), "application/json; charset=utf-8")

    def _text(self, status: int, text: str, kind: str = "text/plain") -> None:
        data = text.encode()
        self._head(status, {"Content-Type": kind, "Content-Length": str(len(data))})
        if self.command != "HEAD":
            self.wfile.write(data)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()


class _Sender:
    """Lines in chunks that mean nothing: one line in two of them, or two lines in one."""

    def __init__(self, handler: Handler, kind: str, fault: Fault | None, joins: bool) -> None:
        self._handler = handler
        self._kind = kind
        self._fault = fault
        self._joins = joins
        self._held = b""
        self._count = 0
        self.begun = False

    def send(self, line: bytes, is_last: bool) -> bool:
        """False when a fault ended the stream."""
        fault = self._fault
        count, self._count = self._count, self._count + 1
        if fault is not None and (count == fault.at or (fault.at < 0 and is_last)):
            return self._failed(fault, line)
        if fault is not None and fault.kind == "slow":
            for place in range(0, len(line), 40):
                self.raw(line[place : place + 40])
                self._handler._wait(0.002)
        elif self._joins and count % 4 == 2 and not is_last:
            self._held = line
        elif count % 4 == 1:
            self.raw(line[:20])
            self.raw(line[20:])
        else:
            self.raw(line)
        return True

    def _failed(self, fault: Fault, line: bytes) -> bool:
        handler = self._handler
        if fault.kind in ("unlisted", "damaged", "slow", "lost"):
            self.raw(line)
            return True
        if fault.kind in TEXTS:
            self.raw(json.dumps({"error": fault.words or TEXTS[fault.kind]}).encode() + b"\n")
        elif fault.kind == "garbage":
            self.raw(b"this is no JSON\n")
        elif fault.kind == "stall":
            while True:
                self.raw(line)
                handler._wait(0.05)
        elif fault.kind == "silence":
            self._begin()
            handler._wait(60)
        elif fault.kind in ("cut", "reset"):
            self._begin()
            handler.wfile.write(f"{len(line):x}\r\n".encode() + line[: len(line) // 2])
            handler.wfile.flush()
            if fault.kind == "reset":
                handler._reset()
            handler.close_connection = True
            self.begun = False
        return False

    def raw(self, data: bytes) -> None:
        self._begin()
        data, self._held = self._held + data, b""
        if data:
            self._handler.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self._handler.wfile.flush()

    def _begin(self) -> None:
        if not self.begun:
            self.begun = True
            headers = {"Content-Type": self._kind, "Transfer-Encoding": "chunked"}
            self._handler._head(200, headers)

    def end(self, finished: bool) -> None:
        """The last chunk, unless the connection was broken on purpose."""
        if finished or self.begun or not self._handler.close_connection:
            self.raw(b"")
            self._handler.wfile.write(b"0\r\n\r\n")


def _fits(path: str, start: str) -> bool:
    return path.startswith(start) if start.endswith("/") and start != "/" else path == start


def _name(body: Any) -> str:
    if not isinstance(body, dict):
        return ""
    return str(body.get("model") or body.get("name") or body.get("source") or "")


def _with_last(lines: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each line as soon as it is there, and whether it says of itself that it is the last."""
    for line in lines:
        yield line, b'"success"' in line or b'"done": true' in line or line.startswith(b"data: [")
