"""A GitHub over HTTP that answers what `mlws ci require-approvals` asks, in GitHub's own shapes.

Lists are paged with `Link` headers as GitHub does; 401 without the token, 404 for what is gone.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

HEAD, BASE = "h" * 40, "b" * 40
TOKEN = "secret-token"


@dataclass
class FakeGitHub:
    """What is on the server; tests change it. `failures`: statuses answered before good ones."""

    author: str = "ann"
    head: str = HEAD
    files: list[dict[str, object]] = field(default_factory=list)
    reviews: list[dict[str, object]] = field(default_factory=list)
    config: str | None = None
    makers: tuple[str | None, str | None] = ("ann", "web-flow")
    page: int = 100
    failures: list[int] = field(default_factory=list)
    next_elsewhere: str = ""
    asked: list[str] = field(default_factory=list)
    address: str = ""

    def change(self, *paths: str) -> None:
        self.files = [{"filename": path, "status": "modified"} for path in paths]

    def review(
        self,
        login: str | None,
        state: str = "APPROVED",
        commit: str | None = HEAD,
        association: str = "MEMBER",
    ) -> None:
        self.reviews.append(
            {
                "id": len(self.reviews) + 1,
                "user": {"login": login, "type": "User"} if login else None,
                "state": state,
                "commit_id": commit,
                "author_association": association,
                "body": "",
            }
        )

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, object, str]:
        """Status, JSON (or text) and Link header."""
        base = "/repos/acme/ml"
        if path == f"{base}/pulls/7":
            pull = {
                "number": 7,
                "user": {"login": self.author},
                "head": {"sha": self.head, "ref": "feature/x"},
                "base": {"sha": BASE, "ref": "develop"},
            }
            return 200, pull, ""
        if path == f"{base}/contents/mlws.toml" and query.get("ref") == [BASE] and self.config:
            return 200, self.config, ""
        if path == f"{base}/commits/{self.head}":
            author, committer = ({"login": one} if one else None for one in self.makers)
            return 200, {"sha": self.head, "author": author, "committer": committer}, ""
        for name, rows in (("files", self.files), ("reviews", self.reviews)):
            if path == f"{base}/pulls/7/{name}":
                return self._paged(path, rows, query)
        return 404, {"message": "Not Found"}, ""

    def _paged(
        self, path: str, rows: list[dict[str, object]], query: dict[str, list[str]]
    ) -> tuple[int, object, str]:
        size = min(self.page, int(query.get("per_page", ["30"])[0]))
        number = int(query.get("page", ["1"])[0])
        part = rows[(number - 1) * size : number * size]
        if number * size >= len(rows):
            return 200, part, ""
        where = self.next_elsewhere or self.address
        url = f"{where}{path}?per_page={size}&page="
        return 200, part, f'<{url}{number + 1}>; rel="next", <{url}99>; rel="last"'


@contextmanager
def serving(fake: FakeGitHub) -> Iterator[FakeGitHub]:
    """The server, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            fake.asked.append(self.path)
            parts = urlsplit(self.path)
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                status, body, link = 401, {"message": "Bad credentials"}, ""
            elif fake.failures:
                status, body, link = fake.failures.pop(0), {"message": "Server Error"}, ""
            else:
                status, body, link = fake.answer(parts.path, parse_qs(parts.query))
            data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            if link:
                self.send_header("Link", link)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
