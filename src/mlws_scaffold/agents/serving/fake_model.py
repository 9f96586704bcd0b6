"""A model server that only echoes: enough of Ollama for an agent's first answer without one.

It speaks `/api/chat` and `/v1/chat/completions`, so that the agent's own client, streaming and all,
is what answers. Nothing it says is a model's.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

NAME = "fake"
_VERSION = "0.32.15"
# As a small model on a CPU: slow enough to see the words come.
_SECONDS_A_WORD = 0.02
_MOST_BYTES = 10_000_000


@contextlib.contextmanager
def running(seconds_a_word: float = _SECONDS_A_WORD) -> Iterator[str]:
    """Serve on a free loopback port; yields the address."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.seconds_a_word = seconds_a_word
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def words(messages: Sequence[Any]) -> list[str]:
    """The echo of the last message that a person wrote, in pieces as a model would send it."""
    said = [_text(item.get("content")) for item in messages if _is_person(item)]
    text = f"This is a fake model. You said: {said[-1] if said else 'nothing'}"
    head, *rest = text.split(" ")
    return [head, *(f" {word}" for word in rest)]


def _is_person(item: Any) -> bool:
    return isinstance(item, dict) and item.get("role") == "user"


def _text(content: Any) -> str:
    if isinstance(content, list):  # OpenAI's form for text and pictures
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content or "")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    seconds_a_word: float

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Show what is a mistake of ours; a client that hangs up is how an agent cancels."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the agent's server writes the log."""

    def do_GET(self) -> None:
        listed = {
            "name": f"{NAME}:latest",
            "model": f"{NAME}:latest",
            "size": 0,
            "digest": "0" * 64,
        }
        known: dict[str, object] = {
            "/api/version": {"version": _VERSION},
            "/api/tags": {"models": [listed]},
            "/v1/models": {"object": "list", "data": [{"id": NAME, "object": "model"}]},
        }
        found = known.get(self.path)
        self._whole(200 if found else 404, found or {"error": f"the fake has no {self.path}"})

    def do_POST(self) -> None:
        try:
            size = min(int(self.headers.get("Content-Length") or 0), _MOST_BYTES)
            asked = json.loads(self.rfile.read(size))
            messages, stream = asked.get("messages") or [], asked.get("stream")
        except (ValueError, AttributeError):
            self._whole(400, {"error": "the body is no JSON object"})
            return
        pieces = words(messages)
        if self.path == "/api/chat":
            self._ollama(pieces, stream is not False)
        elif self.path == "/v1/chat/completions":
            self._openai(pieces, bool(stream), asked.get("stream_options") or {})
        elif self.path == "/api/show":
            self._whole(200, {"details": {}, "model_info": {}, "capabilities": ["completion"]})
        else:
            self._whole(404, {"error": f"the fake has no {self.path}"})

    def _ollama(self, pieces: list[str], stream: bool) -> None:
        def line(text: str, **more: object) -> dict[str, object]:
            head = {"model": NAME, "created_at": "2026-01-01T00:00:00Z", "done": False}
            return {**head, "message": {"role": "assistant", "content": text}, **more}

        counts = {"prompt_eval_count": 1, "eval_count": len(pieces)}
        end = {"done": True, "done_reason": "stop", **counts}
        if not stream:
            self._whole(200, line("".join(pieces), **end))
            return
        lines = [*(line(piece) for piece in pieces), line("", **end)]
        self._stream("application/x-ndjson", [f"{json.dumps(item)}\n" for item in lines])

    def _openai(self, pieces: list[str], stream: bool, options: dict[str, Any]) -> None:
        usage = {"prompt_tokens": 1, "completion_tokens": len(pieces)}
        usage["total_tokens"] = 1 + len(pieces)
        head = {"id": "chatcmpl-fake", "created": int(time.time()), "model": NAME}
        if not stream:
            message = {"role": "assistant", "content": "".join(pieces)}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            done = {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
            self._whole(200, done)
            return
        head["object"] = "chat.completion.chunk"

        def chunk(delta: dict[str, str], reason: str | None = None) -> str:
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            return f"data: {json.dumps({**head, 'choices': [choice]})}\n\n"

        lines = [chunk({"role": "assistant", "content": piece}) for piece in pieces]
        lines.append(chunk({}, "stop"))
        if options.get("include_usage"):
            lines.append(f"data: {json.dumps({**head, 'choices': [], 'usage': usage})}\n\n")
        self._stream("text/event-stream", [*lines, "data: [DONE]\n\n"])

    def _whole(self, status: int, data: object) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, kind: str, lines: list[str]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with contextlib.suppress(OSError):  # the agent hung up: that is how it cancels
            for line in lines:
                data = line.encode()
                self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
                self.wfile.flush()
                time.sleep(self.server.seconds_a_word)
            self.wfile.write(b"0\r\n\r\n")
