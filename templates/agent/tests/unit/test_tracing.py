"""What ties log lines to traces, spans that leave only when told to, and text that stays inside."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import structlog
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agent import tracing
from agent.agent import Failure
from agent.chat import Chat
from agent.server import create_app
from agent.settings import Limits, Logging
from agent.telemetry import CHAT

GIVEN = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
SECRET = "my salary is 1234"

MakeChat = Callable[..., Chat]


def post(app: Any, header: dict[str, str], **more: Any) -> httpx.Response:
    """Send one chat that holds a secret."""
    body = {"model": "test-agent", "messages": [{"role": "user", "content": SECRET}]} | more

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://agent.test") as client:
            return await client.post(CHAT, json=body, headers=header)

    return asyncio.run(send())


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    """Return the log lines as they are written, with what is bound to the request."""
    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as written:
        yield written


def test_the_callers_trace_is_in_the_log_and_in_the_answer(
    make_chat: MakeChat, lines: list[Any]
) -> None:
    """W3C's header is what other services send."""
    response = post(create_app(make_chat(), ()), {"traceparent": f"00-{GIVEN}-{PARENT}-01"})
    assert response.headers["x-trace-id"] == GIVEN
    assert [line["trace_id"] for line in lines] == [GIVEN]


@pytest.mark.parametrize(
    "given",
    ["", "nonsense", f"00-{'0' * 32}-{PARENT}-01", f"ff-{GIVEN}-{PARENT}-01", f"00-{GIVEN}-01"],
)
def test_a_request_without_a_trace_gets_one(
    make_chat: MakeChat, lines: list[Any], given: str
) -> None:
    """A wrong header is as good as none."""
    response = post(create_app(make_chat(), ()), {"traceparent": given})
    made = response.headers["x-trace-id"]
    assert len(made) == 32
    assert made not in (GIVEN, "0" * 32)
    assert [line["trace_id"] for line in lines] == [made]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("content", [False, True])
def test_text_is_logged_only_when_switched_on(
    make_chat: MakeChat, lines: list[Any], content: bool, stream: bool
) -> None:
    """Neither the question nor the answer, in no line, unless `logging.content` says so."""
    chat = make_chat(logging=Logging(content=content))
    post(create_app(chat, ()), {}, stream=stream)
    written = json.dumps(lines)
    assert (SECRET in written) is content
    assert ('"answered": "Hello"' in written) is content
    assert "salary" not in json.dumps([line for line in lines if line["event"] == "request"])


def test_what_is_refused_is_not_quoted(make_chat: MakeChat, lines: list[Any]) -> None:
    """An error names the field, not what stood in it; 400 says how long the text was."""
    app = create_app(make_chat(limits=Limits(input_tokens=2)), ())
    refused = [post(app, {}), post(app, {}, seed=SECRET), post(app, {}, temperature=9)]
    assert [one.status_code for one in refused] == [400, 422, 422]
    assert refused[0].json()["error"]["code"] == "context_length_exceeded"
    assert "salary" not in json.dumps([one.text for one in refused]) + json.dumps(lines)


def test_spans_join_the_callers_trace_and_tell_of_a_broken_stream(
    make_chat: MakeChat, script: Any
) -> None:
    """A stream that breaks off began as a 200; its span and the series say how it ended."""
    script.failure, script.fails_at = Failure("failed", "out of memory"), 1
    chat, kept = make_chat(), InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    app = create_app(chat, ())
    app._telemetry["tracer_provider"] = provider  # as auto-configuration would, for this app alone
    response = post(app, {"traceparent": f"00-{GIVEN}-{PARENT}-01"}, stream=True)
    served = [span for span in kept.get_finished_spans() if span.kind is trace.SpanKind.SERVER]
    assert response.headers["x-trace-id"] == GIVEN
    assert [trace.format_trace_id(span.context.trace_id) for span in served] == [GIVEN]
    assert served[0].status.status_code is trace.StatusCode.ERROR
    labels = {"status": "502", "stream": "true"}
    assert chat.metrics.registry.get_sample_value("agent_requests_total", labels) == 1
    assert SECRET not in kept.get_finished_spans()[0].to_json()


def test_one_variable_switches_spans_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The standard one; without the extra the server says at its start what is missing."""
    assert tracing.telemetry("small")["auto_configure"] is False
    assert tracing.obstacle() == ""
    monkeypatch.setenv(tracing.ENDPOINT, "http://collector.test:4318")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "kept")
    assert tracing.telemetry("small")["auto_configure"] is True
    monkeypatch.setattr(tracing, "find_spec", lambda _: None)
    assert "uv sync --extra otel" in tracing.obstacle()
