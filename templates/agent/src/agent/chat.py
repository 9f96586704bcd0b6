"""One chat request from admission to its last byte; protocol and limits are written elsewhere."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from threading import Event as Flag
from time import perf_counter
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from agent import __version__
from agent.agent import Deps, Done, Event, Failure, Token
from agent.openai_api import STATUS, Answer, ApiError, ChatRequest
from agent.runs import ClientGone, Run, Slots, limited, while_connected
from agent.settings import Settings
from agent.telemetry import Metrics, Outcome
from agent.tracing import mark_failed, written_down

GONE = 499  # the usual number for a caller who hung up; nobody receives it, the metrics count it

BODY = "http.response.body"

Events = AsyncGenerator[Event, None]


class EventStream(Response):
    """Server-sent events that close the run they tell of, however the response ends.

    `tell` sends the body's messages itself: each layer between the run and the web server is
    passed once a token, and one token is all there is to send at a time.
    """

    media_type = "text/event-stream"

    def __init__(self, request: Request, run: Events, tell: Callable[[], Awaitable[None]]) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]  # nobody knows it yet
        self._request = request
        self._run = run
        self._tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head and the events, as long as somebody listens."""
        head = {"status": self.status_code, "headers": self.raw_headers}
        try:
            await send({"type": "http.response.start"} | head)
            await while_connected(self._request, self._tell())
        except ClientGone:
            pass  # the outcome says so
        finally:
            # The framework would leave the run, and its place, to the garbage collector.
            await self._run.aclose()


@dataclass(frozen=True, slots=True)
class Chat:
    """Answers chat requests with one agent."""

    settings: Settings
    deps: Deps
    run: Run
    slots: Slots
    metrics: Metrics
    prompt: str
    draining: Flag = field(default_factory=Flag)  # set while the server stops

    @classmethod
    def of(cls, settings: Settings, deps: Deps, run: Run) -> "Chat":
        """Put together what a chat needs; the prompt is known by a short hash of its text."""
        slots = Slots(settings.limits)
        prompt = sha256(deps.instructions.encode()).hexdigest()[:12]
        return cls(settings, deps, run, slots, Metrics(slots, __version__, prompt), prompt)

    async def answer(self, body: ChatRequest, request: Request) -> Response:
        """Answer as JSON or as a stream; a failure before the first token is an honest status."""
        outcome: Outcome = request.state.outcome
        outcome.stream = body.stream
        self._admit(body)
        sampling = self.settings.sampling.model_dump(exclude_none=True)
        deps = replace(self.deps, options=body.options(sampling))
        events = self.run(body.conversation(), deps)
        if self.settings.logging.content:
            events = written_down(events, body.conversation())
        run = limited(events, self.slots, self.settings.timeouts)
        answer = Answer.by(self.settings.name, f"{__version__}-{self.prompt}")
        handed_over = False
        try:
            begin = perf_counter()
            first = await while_connected(request, anext(run))
            if isinstance(first, Failure):
                raise ApiError.of(first)
            self.metrics.first_token.observe(perf_counter() - begin)
            if not body.stream:
                whole = await while_connected(request, self._whole(answer, first, run))
                return JSONResponse(whole)
            with_usage = bool(body.stream_options and body.stream_options.include_usage)
            handed_over = True
            tell = partial(self._tell, replace(answer, with_usage=with_usage), first, run, outcome)
            return EventStream(request, run, tell)
        except ClientGone:
            outcome.status = GONE
            return Response(status_code=GONE)
        finally:
            if not handed_over:
                await run.aclose()

    def _admit(self, body: ChatRequest) -> None:
        if body.model != self.settings.name:
            known = f"the only model here is {self.settings.name}"
            raise ApiError(404, known, "model_not_found", "model")
        if len(body.messages) > (most := self.settings.limits.messages):
            raise ApiError(422, f"at most {most} messages", "too_many_messages", "messages")
        if (about := body.estimate()) > (most := self.settings.limits.input_tokens):
            why = f"about {about} tokens, at most {most} are taken"
            raise ApiError(400, why, "context_length_exceeded", "messages")

    def _count(self, done: Done) -> None:
        self.metrics.tokens.labels("input").inc(done.prompt_tokens)
        self.metrics.tokens.labels("output").inc(done.completion_tokens)

    async def _whole(self, answer: Answer, first: Event, run: Events) -> dict[str, Any]:
        text, event = "", first
        while isinstance(event, Token):
            text += event.text
            event = await anext(run)
        if isinstance(event, Failure):
            raise ApiError.of(event)
        self._count(event)
        return answer.whole(text, event)

    async def _tell(self, answer: Answer, first: Event, run: Events, outcome: Outcome) -> None:
        outcome.status = GONE  # until the last line is out
        text, event = answer.opening(first), first
        while isinstance(event, Token):
            await outcome.send({"type": BODY, "body": text.encode(), "more_body": True})
            event = await anext(run)
            text = answer.token(event.text) if isinstance(event, Token) else answer.ending(event)
        if isinstance(event, Done):
            self._count(event)
        else:
            mark_failed(event)  # before the last byte, with which its span ends
        await outcome.send({"type": BODY, "body": text.encode(), "more_body": False})
        outcome.status = STATUS[event.kind] if isinstance(event, Failure) else 200
