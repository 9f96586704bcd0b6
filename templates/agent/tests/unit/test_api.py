"""The service as its callers meet it: answers, refusals, limits, lost callers, probes."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from agent.agent import Failure, Token
from agent.chat import Chat
from agent.server import create_app
from agent.settings import Limits, Timeouts

KEY = b"a-key-of-many-characters"
CHAT = "/v1/chat/completions"

MakeChat = Callable[..., Chat]


def body(**more: Any) -> dict[str, Any]:
    """Return a request that is right unless `more` breaks it."""
    return {"model": "test-agent", "messages": [{"role": "user", "content": "Hello?"}]} | more


async def send(app: FastAPI, method: str, path: str, **more: Any) -> httpx.Response:
    """Send one request to the application, without a network."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://agent.test") as client:
        return await client.request(method, path, **more)


def post(chat: Chat, keys: tuple[bytes, ...] = (), **more: Any) -> httpx.Response:
    """Send one chat."""
    return asyncio.run(send(create_app(chat, keys), "POST", CHAT, **more))


def get(chat: Chat, path: str, keys: tuple[bytes, ...] = ()) -> httpx.Response:
    """Fetch one page."""
    return asyncio.run(send(create_app(chat, keys), "GET", path))


def sse(response: httpx.Response) -> list[Any]:
    """Return what the server-sent events say; `[DONE]` stays text."""
    lines = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def count(chat: Chat, name: str, **labels: str) -> float:
    """Return the value of a series."""
    return chat.metrics.registry.get_sample_value(name, labels) or 0.0


def test_an_answer_as_json(make_chat: MakeChat) -> None:
    """The shape is OpenAI's: choices, usage, fingerprint."""
    chat = make_chat()
    response = post(chat, json=body(), headers={"X-Request-ID": "abc-1"})
    answer = response.json()
    assert response.status_code == 200
    assert response.headers["x-request-id"] == "abc-1"
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": "Hello"}
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["usage"] == {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
    assert answer["system_fingerprint"].endswith(chat.prompt)
    assert count(chat, "agent_tokens_total", direction="output") == 2
    assert count(chat, "agent_requests_total", status="200", stream="false") == 1


def test_an_answer_as_a_stream(make_chat: MakeChat) -> None:
    """Role first, words in order, reason, usage when asked for, then the end mark."""
    chat = make_chat()
    asked = body(stream=True, stream_options={"include_usage": True})
    response = post(chat, json=asked, headers={"X-Request-ID": "bad id!"})
    *chunks, end = sse(response)
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["x-request-id"] != "bad id!"
    assert deltas == [{"role": "assistant", "content": "Hel"}, {"content": "lo"}, {}]
    assert chunks[2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[3]["usage"]["total_tokens"] == 9
    assert end == "[DONE]"
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert count(chat, "agent_requests_total", status="200", stream="true") == 1


def test_sampling_is_ours_unless_asked_and_never_longer(make_chat: MakeChat, script: Any) -> None:
    """A caller may ask for fewer tokens, not for more than the configuration grants."""
    post(make_chat(), json=body(temperature=1.5, seed=3, max_tokens=99_999))
    post(make_chat(), json=body(max_tokens=5))
    first, second = (deps.options for _, deps in script.asked)
    assert (first["temperature"], first["seed"], first["num_predict"]) == (1.5, 3, 1024)
    assert (second["temperature"], second["num_predict"]) == (0.3, 5)


@pytest.mark.parametrize(
    ("asked", "status", "param"),
    [
        (body(logit_bias={}), 422, "logit_bias"),
        (body(messages=[]), 422, "messages"),
        (body(messages=[{"role": "system", "content": "x"}]), 422, "messages.0.role"),
        (body(messages=body()["messages"] * 65), 422, "messages"),
        (body(model="llama3.1:8b"), 404, "model"),
    ],
)
def test_what_is_not_offered_is_refused(
    make_chat: MakeChat, asked: dict[str, Any], status: int, param: str
) -> None:
    """The body of a refusal is OpenAI's, and names the field."""
    response = post(make_chat(), json=asked)
    error = response.json()["error"]
    assert response.status_code == status
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert error["message"]


def test_what_is_not_json_is_refused(make_chat: MakeChat) -> None:
    """The message says what is wrong, the field stays empty."""
    header = {"Content-Type": "application/json"}
    response = post(make_chat(), content=b"{", headers=header)
    assert response.status_code == 422
    assert response.json()["error"]["message"] == "the body is not JSON"


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_above_the_limit_is_refused(make_chat: MakeChat, announced: bool) -> None:
    """Long before it costs memory; and it is counted as the caller's fault, not as ours."""
    chat = make_chat(limits=Limits(body_bytes=100))
    content = json.dumps(body(messages=[{"role": "user", "content": "x" * 200}])).encode()

    async def pieces() -> AsyncIterator[bytes]:
        yield content[:90]
        yield content[90:]

    header = {"Content-Type": "application/json"}
    response = post(chat, content=content if announced else pieces(), headers=header)
    assert response.status_code == 413
    assert count(chat, "agent_requests_total", status="413", stream="false") == 1


def test_only_a_known_key_opens_the_door(make_chat: MakeChat) -> None:
    """While keys are rotated, both are good; probes need none."""
    keys = (KEY, b"the-next-key-is-as-long")
    chat = make_chat()
    for key, status in [(keys[0], 200), (keys[1], 200), (b"wrong", 401), (b"", 401)]:
        header = {"Authorization": f"Bearer {key.decode()}"} if key else {}
        response = post(chat, keys, json=body(), headers=header)
        assert response.status_code == status
        if status == 401:
            assert response.headers["www-authenticate"] == "Bearer"
            assert response.json()["error"]["code"] == "invalid_api_key"
    assert get(chat, "/v1/models", keys).status_code == 401
    assert get(chat, "/livez", keys).status_code == 200


def test_the_agent_is_the_one_model(make_chat: MakeChat) -> None:
    """A chat page finds the agent; which language model it asks stays inside."""
    assert [model["id"] for model in get(make_chat(), "/v1/models").json()["data"]] == [
        "test-agent"
    ]


@pytest.mark.parametrize(
    ("kind", "status"), [("unreachable", 503), ("timeout", 504), ("failed", 502)]
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_failure_before_the_first_token_is_a_status(
    make_chat: MakeChat, script: Any, kind: Any, status: int, stream: bool
) -> None:
    """The headers wait for the first token, so a stream can fail honestly too."""
    script.failure = Failure(kind, "it broke")
    response = post(make_chat(), json=body(stream=stream))
    assert response.status_code == status
    assert response.json()["error"]["type"] == "server_error"


def test_a_busy_model_server_is_429(make_chat: MakeChat, script: Any) -> None:
    """Shed load must not look like an outage."""
    script.failure = Failure("busy", "server busy")
    response = post(make_chat(), json=body())
    assert (response.status_code, response.headers["retry-after"]) == (429, "5")


def test_a_failure_in_mid_stream_is_told_and_counted(make_chat: MakeChat, script: Any) -> None:
    """The status is out by then: the error travels as an event, without an end mark."""
    script.failure, script.fails_at = Failure("failed", "out of memory"), 1
    chat = make_chat()
    told = sse(post(chat, json=body(stream=True)))
    assert told[-1]["error"]["message"] == "out of memory"
    assert count(chat, "agent_requests_total", status="502", stream="true") == 1
    assert post(chat, json=body()).status_code == 502


@pytest.mark.parametrize(("line", "first_token"), [(0, 0.05), (1, 5)])
def test_silence_ends_in_a_timeout(
    make_chat: MakeChat, script: Any, line: int, first_token: float
) -> None:
    """Before the first token and between two, each with a patience of its own."""
    script.stalls_at = line
    chat = make_chat(timeouts=Timeouts(first_token=first_token, between_tokens=0.05))
    assert post(chat, json=body()).status_code == 504
    assert chat.slots.running == 0
    assert script.closed == 1


def test_more_than_the_limits_is_429(make_chat: MakeChat, script: Any) -> None:
    """One runs, one waits, the third is refused at once."""
    script.stalls_at = 0
    limits, timeouts = Limits(running=1, queued=1), Timeouts(first_token=0.2, total=0.3)
    chat = make_chat(limits=limits, timeouts=timeouts)
    app = create_app(chat, ())

    async def three() -> list[int]:
        sent = [asyncio.create_task(send(app, "POST", CHAT, json=body())) for _ in range(3)]
        return [(await response).status_code for response in sent]

    assert asyncio.run(three()) == [504, 504, 429]
    assert (chat.slots.running, chat.slots.queued) == (0, 0)


def test_waiting_for_a_place_ends_too(make_chat: MakeChat, script: Any) -> None:
    """Whoever waits as long as an answer may take is told to come again."""
    script.stalls_at = 0
    limits, timeouts = Limits(running=1, queued=1), Timeouts(first_token=5, total=0.1)
    chat = make_chat(limits=limits, timeouts=timeouts)
    app = create_app(chat, ())

    async def wait() -> httpx.Response:
        assert await chat.slots.take()
        return await send(app, "POST", CHAT, json=body())

    response = asyncio.run(wait())
    assert (response.status_code, response.headers["retry-after"]) == (429, "5")
    assert (chat.slots.running, chat.slots.queued) == (1, 0)
    assert not script.asked


def test_an_agent_that_just_stops_is_a_failure(make_chat: MakeChat) -> None:
    """An edited agent may forget to end; its caller still gets a whole answer or an error."""

    async def run(*_: Any) -> Any:
        yield Token("Hel")

    chat = replace(make_chat(), run=run)
    assert post(chat, json=body()).status_code == 502
    assert sse(post(chat, json=body(stream=True)))[-1]["error"]["code"] == "model_failed"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("line", [0, 1])
def test_a_caller_who_hangs_up_stops_the_work(
    make_chat: MakeChat, script: Any, stream: bool, line: int
) -> None:
    """Before the first token, in a JSON answer, in a stream: the model server is left at once."""
    script.stalls_at = line
    chat = make_chat()
    app = create_app(chat, ())
    inbox: list[dict[str, Any]] = [
        {"type": "http.request", "body": json.dumps(body(stream=stream)).encode()}
    ]

    async def receive() -> dict[str, Any]:
        if inbox:
            return inbox.pop()
        while not script.asked:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        return {"type": "http.disconnect"}

    async def ignore(message: Any) -> None:
        pass

    scope = {
        "type": "http", "method": "POST", "path": CHAT, "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
        "asgi": {"version": "3.0", "spec_version": "2.3"},
    }  # fmt: skip
    asyncio.run(asyncio.wait_for(app(scope, receive, ignore), 5))
    assert script.closed == 1
    assert chat.slots.running == 0
    assert count(chat, "agent_requests_total", status="499", stream=str(stream).lower()) == 1


def test_metrics_are_served_or_have_their_own_port(make_chat: MakeChat) -> None:
    """With a port of their own they are not on the public one."""
    assert "agent_build_info" in get(make_chat(), "/metrics").text
    assert get(make_chat(metrics_port=9090), "/metrics").status_code == 404


def test_a_bug_in_the_agent_is_500_and_frees_the_place(make_chat: MakeChat) -> None:
    """The caller learns nothing of the inside; the log does."""

    async def run(*_: Any) -> Any:
        raise RuntimeError("secret")
        yield

    chat = replace(make_chat(), run=run)
    response = post(chat, json=body())
    assert response.status_code == 500
    assert "secret" not in response.text
    assert chat.slots.running == 0
    assert count(chat, "agent_requests_total", status="500", stream="false") == 1
