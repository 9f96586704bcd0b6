"""The protocol: a subset of OpenAI's chat completions, as JSON and as server-sent events.

A field outside the subset is refused: a caller must not believe in what has no effect.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from time import time
from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi.responses import JSONResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from agent.agent import Done, Event, Failure, Message, Token

STATUS = {"unreachable": 503, "busy": 429, "timeout": 504, "failed": 502}
TYPES = {401: "authentication_error", 429: "rate_limit_error"}
RETRY_AFTER = "5"  # seconds
CHUNK = "chat.completion.chunk"
EMPTY: Mapping[str, str] = {}


def _whole(value: Any) -> Any:
    # In JSON 3.0 is an integer; `true` and "3" are none, and are refused like any wrong type.
    return int(value) if isinstance(value, float) and value.is_integer() else value


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Turn(_Request):
    """A turn of the conversation; there is no system role, the instructions are the agent's."""

    role: Literal["user", "assistant"]
    content: Annotated[str, Field(min_length=1)]


class StreamOptions(_Request):
    include_usage: bool = False


class ChatRequest(_Request):
    """What a caller may ask for; `model` is the agent's name, never that of a language model."""

    model: str
    messages: Annotated[list[Turn], Field(min_length=1)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1), BeforeValidator(_whole)] | None = None
    seed: Annotated[int, BeforeValidator(_whole)] | None = None

    def conversation(self) -> list[Message]:
        """Return the turns as the agent takes them."""
        return [Message(turn.role, turn.content) for turn in self.messages]

    def estimate(self) -> int:
        """Return about how many tokens the turns are: four bytes each, as in most languages."""
        return sum(len(turn.content.encode("utf-8", "replace")) for turn in self.messages) // 4

    def options(self, sampling: dict[str, float]) -> dict[str, float]:
        """Return the sampling options: the caller's where given, its tokens capped by ours."""
        asked = {"temperature": self.temperature, "top_p": self.top_p, "seed": self.seed}
        chosen = sampling | {key: value for key, value in asked.items() if value is not None}
        if self.max_tokens is not None:
            chosen["num_predict"] = min(self.max_tokens, sampling["num_predict"])
        return chosen


class ApiError(Exception):
    """A refusal or failure with the body that OpenAI's clients understand."""

    def __init__(self, status: int, message: str, code: str = "", param: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code or None
        self.param = param or None

    @classmethod
    def of(cls, failure: Failure) -> "ApiError":
        """Return the error that a failed run is to its caller."""
        return cls(STATUS[failure.kind], failure.message, f"model_{failure.kind}")

    def body(self) -> dict[str, Any]:
        """Return the error object."""
        other = "server_error" if self.status >= 500 else "invalid_request_error"
        kind = TYPES.get(self.status, other)
        return {
            "error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}
        }

    def response(self) -> JSONResponse:
        """Return the error as a response."""
        headers = {}
        if self.status == 429:
            headers["Retry-After"] = RETRY_AFTER
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return JSONResponse(self.body(), self.status, headers)


@dataclass(frozen=True, slots=True)
class Answer:
    """Writes one answer of the agent; what all its chunks share is made once."""

    shared: dict[str, Any]
    # A token's chunk without its text: most of a stream's work is writing that.
    before: str
    after: str
    with_usage: bool = False  # what a stream's caller asked for

    @classmethod
    def by(cls, agent: str, fingerprint: str) -> "Answer":
        """Begin an answer; the fingerprint tells the version of the agent and of its prompt."""
        shared = {"id": f"chatcmpl-{uuid4().hex}", "created": int(time()), "model": agent}
        shared |= {"system_fingerprint": fingerprint}
        chunk = shared | {"object": CHUNK}
        mark = "\0"  # its escaped form can stand in no name
        line = _line(chunk | {"choices": [_choice({"content": mark}, None)]})
        before, _, after = line.partition(json.dumps(mark))
        return cls(shared, before, after)

    def whole(self, text: str, done: Done) -> dict[str, Any]:
        """Return the answer as one object."""
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": done.reason}
        own = {"object": "chat.completion", "choices": [choice], "usage": _usage(done)}
        return self.shared | own

    def opening(self, event: Event) -> str:
        """Write the first event of a stream, which also says whose words these are."""
        if isinstance(event, Token):
            return self._chunk({"role": "assistant", "content": event.text}, None)
        return self.ending(event, {"role": "assistant"})

    def token(self, text: str) -> str:
        """Write a further token."""
        return f"{self.before}{json.dumps(text)}{self.after}"

    def ending(self, event: Done | Failure, delta: Mapping[str, str] = EMPTY) -> str:
        """Write what ends a stream: the reason and the end mark, or the error without one."""
        if isinstance(event, Failure):
            return _line(ApiError.of(event).body())
        usage = ""
        if self.with_usage:
            usage = _line(self.shared | {"object": CHUNK, "choices": [], "usage": _usage(event)})
        return f"{self._chunk(delta, event.reason)}{usage}data: [DONE]\n\n"

    def _chunk(self, delta: Mapping[str, str], reason: str | None) -> str:
        return _line(self.shared | {"object": CHUNK, "choices": [_choice(delta, reason)]})


def _choice(delta: Mapping[str, str], reason: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": reason}


def _usage(done: Done) -> dict[str, int]:
    return {
        "prompt_tokens": done.prompt_tokens,
        "completion_tokens": done.completion_tokens,
        "total_tokens": done.prompt_tokens + done.completion_tokens,
    }


def _line(content: dict[str, Any]) -> str:
    return f"data: {json.dumps(content, separators=(',', ':'))}\n\n"
