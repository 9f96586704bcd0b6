"""A file server on loopback with the faults of real ones."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class FileServer:
    """Serves `content` under every path and notes the Range of each request.

    cut_after: bytes until the connection breaks, one number per request, then whole answers.
    redirect: an address that every request is sent to. status: the answer of every request.
    """

    content: bytes
    cut_after: list[int] = field(default_factory=list)
    ranges: bool = True
    etag: str = '"one"'
    redirect: str = ""
    status: int = 200
    asked: list[str] = field(default_factory=list)
    url: str = ""


def _handler(server: FileServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            server.asked.append(wanted)
            if server.redirect:
                self._answer(302, {"Location": server.redirect}, b"")
            elif server.status != 200:
                self._answer(server.status, {}, b"")
            elif wanted and server.ranges and self.headers.get("If-Range") in (None, server.etag):
                self._rest(int(wanted.removeprefix("bytes=").rstrip("-")))
            else:
                self._answer(200, {"ETag": server.etag}, server.content)

        def _rest(self, begin: int) -> None:
            total = len(server.content)
            if begin >= total:
                self._answer(416, {"Content-Range": f"bytes */{total}"}, b"")
                return
            place = {"Content-Range": f"bytes {begin}-{total - 1}/{total}", "ETag": server.etag}
            self._answer(206, place, server.content[begin:])

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            cut = server.cut_after.pop(0) if server.cut_after else len(body)
            self.wfile.write(body[:cut])
            self.close_connection = True

        def log_message(self, *_arguments: Any) -> None:
            """Nothing: the requests are in `asked`."""

    return Handler


@contextmanager
def serving(content: bytes, **faults: Any) -> Iterator[FileServer]:
    """A server of the content on a free port."""
    server = FileServer(content, **faults)
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    server.url = f"http://127.0.0.1:{http.server_port}/qa.parquet"
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
