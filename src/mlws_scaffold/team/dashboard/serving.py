"""Serves the page on this machine alone."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from mlws_scaffold.errors import UsageError

_HOST = "127.0.0.1"


def serve(page: Path, port: int, say: Callable[[str], None]) -> None:
    """Answer with the file as it is at each request, until Ctrl-C. Raises UsageError for a port
    that is taken.
    """
    try:
        server = ThreadingHTTPServer((_HOST, port), _handler(page))
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"port {port} cannot be used: {error}", "--port 0 takes a free one"
        ) from None
    say(f"http://{_HOST}:{server.server_port}/ until Ctrl-C")
    with server, contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()


def _handler(page: Path) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """One page, to nobody who was led here by another name of this machine."""

        def do_GET(self) -> None:
            host = self.headers.get("Host", "").rpartition(":")[0]
            if host not in (_HOST, "localhost") or self.path.partition("?")[0] != "/":
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            try:
                body = page.read_bytes()
            except OSError:
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *_arguments: object) -> None:
            """Requests for one's own page are no news."""

    return Handler
