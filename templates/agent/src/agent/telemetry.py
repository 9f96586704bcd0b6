"""What the server tells about itself: JSON log lines and Prometheus series.

The names of the series are a contract: dashboards, alerts and the canary read them.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any
from uuid import uuid4

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent.runs import Slots
from agent.tracing import trace_id

# Answers of language models take from a moment to minutes; the default buckets end at 10 s.
SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 300)
CHAT = "/v1/chat/completions"
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

log = structlog.get_logger()


class Metrics:
    """The series of one server, in a registry of their own."""

    def __init__(self, slots: Slots, version: str, prompt: str) -> None:
        self.registry = own = CollectorRegistry()
        self.requests = Counter("agent_requests", "Chats", ["status", "stream"], registry=own)
        self.duration = Histogram(
            "agent_request_duration_seconds", "Whole chat", buckets=SECONDS, registry=own
        )
        self.first_token = Histogram(
            "agent_time_to_first_token_seconds", "Wait for it", buckets=SECONDS, registry=own
        )
        self.tokens = Counter("agent_tokens", "Tokens", ["direction"], registry=own)
        running = Gauge("agent_inflight", "Runs in the making", registry=own)
        running.set_function(lambda: slots.running)
        queued = Gauge("agent_queued", "Runs that wait for a place", registry=own)
        queued.set_function(lambda: slots.queued)
        # Who can tell sets the function; until then the agent is not ready.
        self.ready = Gauge("agent_ready", "1 when a chat would be answered now", registry=own)
        build = Gauge("agent_build_info", "Always 1", ["version", "prompt"], registry=own)
        build.labels(version, prompt).set(1)


@dataclass(slots=True)
class Outcome:
    """How a request ended where its HTTP status cannot say: error in mid-stream, lost caller."""

    # For a body's messages: no layer further in looks at them, and a stream has one a token.
    send: Send
    status: int = 0
    stream: bool = False


class Observe:
    """ASGI middleware: a request id and a trace id, one log line and one count for each request."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else uuid4().hex
        outcome = scope.setdefault("state", {})["outcome"] = Outcome(send)
        sent, trace = 500, trace_id(scope)

        async def send_with_id(message: Message) -> None:
            nonlocal sent
            if message["type"] == "http.response.start":
                sent = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"], headers["x-trace-id"] = request_id, trace
            await send(message)

        begin = perf_counter()
        status = 500  # stands when the application raises
        with structlog.contextvars.bound_contextvars(request_id=request_id, trace_id=trace):
            try:
                await self._app(scope, receive, send_with_id)
                status = outcome.status or sent
            finally:
                self._record(scope["path"], outcome.stream, status, perf_counter() - begin)

    def _record(self, path: str, stream: bool, status: int, seconds: float) -> None:
        chat = path == CHAT
        if chat:
            self._metrics.requests.labels(str(status), str(stream).lower()).inc()
            if not 400 <= status < 500:  # what is refused at once would make every latency good
                self._metrics.duration.observe(seconds)
        write = log.info if chat or status >= 400 else log.debug  # no line for each probe
        write("request", path=path, status=status, stream=stream, seconds=round(seconds, 4))


def configure_logging(level: str, **constant: str) -> None:
    """Write every log line, the web server's too, as one JSON object on standard output."""

    def add_constant(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        line.update(constant)
        return line

    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_constant,
    ]
    render: list[structlog.types.Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ]
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processors=render, foreign_pre_chain=shared)
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for client in ("httpx", "httpx2"):  # one line per model request otherwise
        logging.getLogger(client).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
