"""What `/openapi.json` says of answers: the shapes that callers and the contract tests rely on."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Problem(_Shape):
    message: str
    type: Literal[
        "invalid_request_error", "authentication_error", "rate_limit_error", "server_error"
    ]
    param: str | None
    code: str | None


class Refusal(_Shape):
    """Every error, whatever its status."""

    error: Problem


class Said(_Shape):
    role: Literal["assistant"]
    content: str


class Choice(_Shape):
    index: int
    message: Said
    finish_reason: Literal["stop", "length"]


class Usage(_Shape):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(_Shape):
    """A whole answer."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    system_fingerprint: str
    choices: list[Choice]
    usage: Usage


class Model(_Shape):
    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class Models(_Shape):
    object: Literal["list"]
    data: list[Model]


Responses = dict[int | str, dict[str, Any]]

_WHY = {
    400: "more text than `limits.input_tokens`",
    401: "no key, or a wrong one",
    404: "another `model` than this agent",
    413: "a body above `limits.body_bytes`",
    422: "a field that is missing, wrong, or not offered",
    429: "all places are taken; `Retry-After` says when to come again",
    500: "a bug in the agent",
    502: "the model failed",
    503: "the model server cannot be reached",
    504: "the model was too slow",
}
# One event as a reader of the stream sees it; its data is a chunk, an error, or the end mark.
_EVENT = {"type": "object", "properties": {"data": {"type": "string"}}, "required": ["data"]}
LISTED: Responses = {401: {"model": Refusal, "description": _WHY[401]}}
ANSWERED: Responses = {
    200: {
        "model": Completion,
        "description": "the answer; with `stream` as server-sent events up to `[DONE]`",
        "content": {"text/event-stream": {"schema": _EVENT}},
    },
    **{status: {"model": Refusal, "description": why} for status, why in _WHY.items()},
}
