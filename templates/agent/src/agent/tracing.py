"""What ties a request to the traces of its callers, and what is kept of a conversation: nothing.

Spans leave only when OTEL_EXPORTER_OTLP_ENDPOINT is set; they need the extra `otel`. A trace id is
in every log line all the same. Text is logged only with `logging.content: true`.
"""

import os
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from importlib.util import find_spec
from typing import cast
from uuid import uuid4

import structlog
from fastapi.telemetry import TelemetryConfig
from opentelemetry import trace
from starlette.datastructures import Headers
from starlette.types import Scope

from agent.agent import Event, Failure, Message, Token

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
# What a span a second from every prober would bury.
PROBES = ("/livez", "/readyz", "/health", "/metrics")
# W3C Trace Context: version, trace id, parent id, flags; ids of zeros alone are no ids.
TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-.{2,}")

log = structlog.get_logger()


def exporting() -> bool:
    """Say whether spans are sent: one standard variable decides."""
    return bool(os.environ.get(ENDPOINT)) and os.environ.get("OTEL_SDK_DISABLED") != "true"


def obstacle() -> str:
    """Return why spans cannot be sent though they should be, an empty text when nothing is."""
    if exporting() and find_spec("opentelemetry.sdk") is None:
        return f"{ENDPOINT} is set, but the extra `otel` is not installed: uv sync --extra otel"
    return ""


def telemetry(name: str) -> TelemetryConfig:
    """Return the web framework's own tracing, on or off; metrics and logs have their places here.

    The service is called like the agent unless OTEL_SERVICE_NAME says otherwise.
    """
    if exporting():
        os.environ.setdefault("OTEL_SERVICE_NAME", name)
    return {
        "auto_configure": exporting(),
        "tracing": True,
        "metrics": False,
        "logs": False,
        "exclude": _is_probe,
    }


def _is_probe(scope: Scope) -> bool:
    return scope.get("path") in PROBES


def trace_id(scope: Scope) -> str:
    """Return the id of the running span, else the one that the caller sent, else a new one."""
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        return trace.format_trace_id(span.trace_id)
    given = TRACEPARENT.fullmatch(Headers(scope=scope).get("traceparent", ""))
    return given[1] if given else uuid4().hex


def mark_failed(failure: Failure) -> None:
    """Mark the running span: a stream that broke off was a 200 when its headers left.

    To be called before the last byte is sent, with which the span ends.
    """
    trace.get_current_span().set_status(trace.StatusCode.ERROR, failure.kind)


async def written_down(
    events: AsyncIterator[Event], messages: list[Message]
) -> AsyncGenerator[Event, None]:
    """Pass the events on and log what was said, for those who switched it on to look for a bug."""
    said = ""
    try:
        async with aclosing(cast("AsyncGenerator[Event, None]", events)):
            async for event in events:
                if isinstance(event, Token):
                    said += event.text
                yield event
    finally:
        asked = [{"role": message.role, "content": message.content} for message in messages]
        log.info("content", asked=asked, answered=said)
