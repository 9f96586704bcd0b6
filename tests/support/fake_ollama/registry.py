"""A small registry: the manifests of a Library over HTTP, and how real ones refuse."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.fake_ollama.library import MANIFEST, Library
from tests.support.fake_ollama.names import Name


@dataclass
class Registry:
    """Serves under `127.0.0.1:PORT/NAMESPACE/MODEL:TAG`; `host` is the first part of such a name.

    digest_header: whether `ollama-content-digest` is sent. statuses: per `model:tag`, what is
    answered instead (401, 404, 500, 302). silent: names that never get an answer.
    """

    library: Library = field(default_factory=Library)
    digest_header: bool = True
    statuses: dict[str, int] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    authorizations: set[str] = field(default_factory=set)
    host: str = ""
    stopping: threading.Event = field(default_factory=threading.Event)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        registry = self.server.registry
        registry.asked.append(f"{self.command} {self.path}")
        registry.authorizations.add(self.headers.get("Authorization", ""))
        # /v2/NAMESPACE/MODEL/manifests|blobs/REFERENCE
        parts = self.path.strip("/").split("/")
        if len(parts) != 5 or parts[0] != "v2":
            self._answer(404, b"")
            return
        _, namespace, model, kind, reference = parts
        called = f"{model}:{reference}"
        if called in registry.silent:
            registry.stopping.wait(60)
            self.close_connection = True
            return
        if status := registry.statuses.get(called):
            self._refuse(status)
            return
        if kind == "manifests":
            self._manifest(Name(registry.host, namespace, model, reference))
        else:
            self._answer(404, b"")

    do_HEAD = do_GET

    def _manifest(self, name: Name) -> None:
        registry = self.server.registry
        offer = registry.library.find(name)
        if offer is None:
            errors = b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}'
            self._answer(404, errors)
            return
        headers = {"Content-Type": MANIFEST, "ollama-push-time": "2026-01-02T03:04:05Z"}
        if registry.digest_header:
            headers["ollama-content-digest"] = offer.digest
        self._answer(200, offer.manifest, headers)

    def _refuse(self, status: int) -> None:
        headers = {}
        if status == 401:
            realm = 'Bearer realm="https://ollama.com/token",service="ollama.com",scope="pull"'
            headers["WWW-Authenticate"] = realm
        elif status == 302:
            headers["Location"] = "http://127.0.0.1:9/"
        self._answer(status, b"<html>refused</html>", headers)

    def _answer(self, status: int, data: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in {**(headers or {}), "Content-Length": str(len(data))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the requests are in `asked`."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    registry: Registry

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""


@contextlib.contextmanager
def serving(registry: Registry) -> Iterator[Registry]:
    """Serve on a free port."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.registry = registry
        registry.stopping.clear()
        registry.host = f"127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.004})
        thread.start()
        try:
            yield registry
        finally:
            registry.stopping.set()
            server.shutdown()
            thread.join()
