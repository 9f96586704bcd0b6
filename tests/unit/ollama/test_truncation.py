"""An answer cut anywhere, byte by byte: never a success, never anything but our own errors."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from mlws_scaffold.adapters import ollama
from mlws_scaffold.errors import MlwsError

pytestmark = pytest.mark.usefixtures("talker")
LINES: list[dict[str, object]] = [
    {"status": "pulling manifest"},
    {"status": "pulling 0123", "digest": "sha256:0123", "total": 10, "completed": 10},
    {"status": "success"},
]
SAID: list[dict[str, object]] = [
    {"message": {"role": "assistant", "content": "a"}, "done": False},
    {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"},
]


def _streamed(lines: list[dict[str, object]]) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n"
    body = b""
    for line in lines:
        data = json.dumps(line).encode() + b"\n"
        body += f"{len(data):x}\r\n".encode() + data + b"\r\n"
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"


@contextlib.contextmanager
def _answering(whole: bytes) -> Iterator[tuple[str, list[int]]]:
    """A server that sends the first bytes of an answer, as many as the list says, and hangs up."""
    limit = [len(whole)]
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:

        def serve() -> None:
            while True:
                connection, _ = server.accept()
                with connection:
                    if limit[0] < 0:
                        return
                    connection.recv(65536)
                    connection.sendall(whole[: limit[0]])
                    with contextlib.suppress(OSError):
                        connection.shutdown(socket.SHUT_WR)
                        while connection.recv(65536):
                            pass

        thread = threading.Thread(target=serve)
        thread.start()
        port = server.getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}", limit
        finally:
            limit[0] = -1
            socket.create_connection(("127.0.0.1", port)).close()
            thread.join()


def _pull(host: str) -> object:
    return [*ollama.pull(host, "m:1", stall=30)][-1].status


def _chat(host: str) -> object:
    return ollama.chat(host, "m:1", [{"role": "user", "content": "x"}], timeout=30).text


@pytest.mark.parametrize(
    ("ask", "lines", "result"),
    [(_pull, LINES, "success"), (_chat, SAID, "a")],
    ids=["pull", "chat"],
)
def test_no_part_of_an_answer_is_taken_for_all_of_it(
    ask: Callable[[str], object], lines: list[dict[str, object]], result: str
) -> None:
    whole = _streamed(lines)
    # The last line's newline may be missing; before it, nothing may be.
    enough = len(whole) - len(b"\n\r\n0\r\n\r\n")
    with _answering(whole) as (host, limit):
        assert ask(host) == result
        for size in range(0, enough, 5):
            limit[0] = size
            with pytest.raises(MlwsError) as caught:
                ask(host)
            assert caught.value.cure, size


def test_no_part_of_a_list_is_taken_for_all_of_it() -> None:
    body = json.dumps({"models": [{"name": "m:1", "digest": "0" * 64, "size": 3}]}).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    whole = head + body
    with _answering(whole) as (host, limit):
        assert list(ollama.installed(host)) == ["m:1"]
        for size in range(0, len(whole), 3):
            limit[0] = size
            with pytest.raises(MlwsError):
                ollama.installed(host)


@pytest.mark.parametrize(
    "change",
    [lambda host: ollama.copy(host, "a", "b"), lambda host: ollama.delete(host, "a")],
    ids=["copy", "delete"],
)
def test_a_change_is_believed_only_when_its_whole_answer_came(
    change: Callable[[str], None],
) -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    with _answering(whole) as (host, limit):
        change(host)
        for size in range(len(whole) - 5):
            limit[0] = size
            with pytest.raises(MlwsError):
                change(host)
