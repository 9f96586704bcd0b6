"""`ollama` for tests of the compose file: lists, pulls, creates and copies names; chats are echoed.

Runs inside a container together with `fake_model.py`; the standard library is all it needs.
"""

import json
import os
import sys
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.request import Request, urlopen

import fake_model

HELD = Path("/root/.ollama/names.json")


def address() -> tuple[str, int]:
    host, _, port = os.environ["OLLAMA_HOST"].removeprefix("http://").partition(":")
    return host, int(port)


def held() -> list[str]:
    return list(json.loads(HELD.read_text())) if HELD.exists() else []


class Handler(fake_model._Handler):
    def do_GET(self) -> None:
        if self.path == "/api/tags":
            models = [{"name": name, "model": name, "digest": "0" * 64} for name in held()]
            self._whole(200, {"models": models})
        else:
            super().do_GET()

    def do_POST(self) -> None:
        if self.path != "/remember":
            super().do_POST()
            return
        name = self.rfile.read(int(self.headers["Content-Length"])).decode()
        HELD.write_text(json.dumps([*held(), name]))
        self._whole(200, {})


def ask(path: str, name: str = "") -> None:
    host, port = address()
    data = name.encode() or None
    with urlopen(Request(f"http://{host}:{port}{path}", data), timeout=5) as answer:
        print(answer.read().decode())


def main(words: list[str]) -> None:
    if words[0] == "serve":
        with ThreadingHTTPServer(address(), Handler) as server:
            server.seconds_a_word = 0.0  # type: ignore[attr-defined]
            server.serve_forever()
    elif words[0] == "list":
        ask("/api/tags")
    elif words[0] == "create":
        assert "FROM " in Path(words[3]).read_text(), words
        ask("/remember", f"{words[1]}:latest")
    elif words[0] == "pull":
        ask("/remember", words[1])
    else:
        sys.exit(f"the stand-in cannot {words}")


if __name__ == "__main__":
    main(sys.argv[1:])
