"""The whole way: caller, server, agent.py, model server; and what breaks on it."""

import json
import socket
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from agent.settings import Timeouts

CHAT = "/v1/chat/completions"

Start = Callable[..., Any]


def body(**more: Any) -> dict[str, Any]:
    """Return a request that is right."""
    return {"model": "test-agent", "messages": [{"role": "user", "content": "Hello?"}]} | more


def ask(address: str, **more: Any) -> httpx.Response:
    """Send one chat."""
    return httpx.post(f"{address}{CHAT}", json=body(**more), timeout=30, trust_env=False)


def events(response: httpx.Response) -> list[Any]:
    """Return what the server-sent events say; `[DONE]` stays text."""
    lines = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def test_an_answer_comes_through_in_both_shapes(start: Start, upstream: Any) -> None:
    """The model's words are the answer's words."""
    address, _ = start()
    whole = ask(address).json()
    assert whole["choices"][0]["message"]["content"] == "Hello"
    assert whole["usage"] == {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
    *chunks, end = events(ask(address, stream=True))
    said = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    assert (said, end) == ("Hello", "[DONE]")
    assert [asked["model"] for asked in upstream.asked] == ["test-model", "test-model"]


def test_words_are_passed_on_as_they_come(start: Start, upstream: Any) -> None:
    """The first one does not wait for the last."""
    upstream.words, upstream.pace = ("a", "b", "c", "d"), 0.2
    address, _ = start()
    begin, came = time.monotonic(), []
    with (
        httpx.Client(trust_env=False, timeout=30) as client,
        client.stream("POST", f"{address}{CHAT}", json=body(stream=True)) as response,
    ):
        for _line in response.iter_lines():
            came.append(time.monotonic() - begin)
    assert came[-1] - came[0] > 0.3


@pytest.mark.parametrize("stream", [False, True])
def test_a_full_queue_of_the_model_server_is_429(start: Start, upstream: Any, stream: bool) -> None:
    """Shed load must not look like an outage."""
    upstream.status = 503
    address, _ = start()
    response = ask(address, stream=stream)
    assert (response.status_code, response.headers["retry-after"]) == (429, "5")


@pytest.mark.parametrize("stream", [False, True])
def test_a_model_server_that_is_away_is_503(start: Start, stream: bool) -> None:
    """It is said at once, not after a timeout."""
    address, _ = start(model_server="http://127.0.0.1:1")
    assert ask(address, stream=stream).status_code == 503


def test_a_slow_start_is_504(start: Start, upstream: Any) -> None:
    """The first token has a patience of its own."""
    upstream.stalls_at = 0
    address, chat = start(timeouts=Timeouts(first_token=0.2))
    assert ask(address, stream=True).status_code == 504
    assert chat.slots.running == 0


@pytest.mark.parametrize("fault", ["cut_at", "garbage_at"])
def test_an_answer_that_breaks_off_is_never_complete(
    start: Start, upstream: Any, fault: str
) -> None:
    """In a stream the error is the last event and the end mark is missing; JSON is a 502."""
    setattr(upstream, fault, 1)
    address, chat = start()
    told = events(ask(address, stream=True))
    assert "[DONE]" not in told
    assert told[-1]["error"]["code"] == "model_failed"
    assert ask(address).status_code == 502
    assert chat.slots.running == 0


@pytest.mark.parametrize(
    ("stream", "silent_at"), [(False, 1), (True, 0), (True, 1)], ids=["json", "before", "stream"]
)
def test_the_model_server_sees_within_a_second_that_the_caller_left(
    start: Start, upstream: Any, stream: bool, silent_at: int
) -> None:
    """In a JSON answer, before the first token, and while streaming: the work is stopped."""
    upstream.stalls_at = silent_at
    address, chat = start()
    place = urlsplit(address)
    content = json.dumps(body(stream=stream)).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: application/json\r\n"
    with socket.create_connection((place.hostname, place.port)) as caller:
        caller.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        while not upstream.asked:
            time.sleep(0.01)
        if stream and silent_at:
            assert caller.recv(4096)  # the first token is out
        time.sleep(0.1)
    gone = time.monotonic()
    while not upstream.left and time.monotonic() < gone + 5:
        time.sleep(0.01)
    assert upstream.left
    assert upstream.left[0] - gone < 1
    while chat.slots.running and time.monotonic() < gone + 5:
        time.sleep(0.01)
    assert (chat.slots.running, chat.slots.queued) == (0, 0)


def test_readiness_follows_the_model_server(start: Start, upstream: Any) -> None:
    """Ready needs the server and the model; alive needs neither."""
    address, _ = start()
    assert httpx.get(f"{address}/readyz", trust_env=False).json() == {"status": "ready"}
    upstream.models = ()
    # A look at the model server holds for a while: probes of many machines must not become load.
    assert httpx.get(f"{address}/readyz", trust_env=False).status_code == 200
    other, _ = start()
    health = httpx.get(f"{other}/health", trust_env=False)
    assert health.status_code == 503
    assert health.json()["status"] == "the model server has no model test-model:latest"
    upstream.status = 500
    third, _ = start()
    assert httpx.get(f"{third}/readyz", trust_env=False).status_code == 503
    assert httpx.get(f"{third}/livez", trust_env=False).status_code == 200


def test_the_place_of_every_aborted_stream_is_free_again(start: Start, upstream: Any) -> None:
    """Many callers who leave must not use the agent up."""
    upstream.words, upstream.pace = ("a",) * 50, 0.05
    address, chat = start()
    for _ in range(20):
        with (
            httpx.Client(trust_env=False) as client,
            client.stream(
                "POST", f"{address}{CHAT}", json=body(stream=True), timeout=30
            ) as response,
        ):
            next(response.iter_lines())
    deadline = time.monotonic() + 5
    while chat.slots.running and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (chat.slots.running, chat.slots.queued) == (0, 0)


def test_a_stopping_server_turns_red_and_ends_what_it_began(start: Start, upstream: Any) -> None:
    """New callers are sent elsewhere while the running answer is completed."""
    upstream.words, upstream.pace = ("a", "b", "c"), 0.2
    address, chat = start()
    with (
        httpx.Client(trust_env=False, timeout=30) as client,
        client.stream("POST", f"{address}{CHAT}", json=body(stream=True)) as response,
    ):
        lines = response.iter_lines()
        next(lines)
        chat.draining.set()
        red = httpx.get(f"{address}/readyz", trust_env=False)
        assert (red.status_code, red.json()["status"]) == (503, "the agent is stopping")
        assert httpx.get(f"{address}/livez", trust_env=False).status_code == 200
        assert [line for line in lines if line][-1] == "data: [DONE]"


def test_the_page_is_served_in_development_and_not_in_production(start: Start) -> None:
    """It talks to the same server alone; production switches it on by hand."""
    address, _ = start()
    page = httpx.get(address, trust_env=False)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "test-agent" in page.text
    assert "openapi" in httpx.get(f"{address}/openapi.json", trust_env=False).json()
    hidden, _ = start(environment="production")
    for path in ("/", "/openapi.json"):
        assert httpx.get(f"{hidden}{path}", trust_env=False).status_code == 404
    shown, _ = start(environment="production", page=True, openapi=True)
    for path in ("/", "/openapi.json"):
        assert httpx.get(f"{shown}{path}", trust_env=False).status_code == 200
