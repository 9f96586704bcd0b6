"""The service keeps to its own description: generated requests, right and wrong, in this process.

The same requests each time, and few enough for every pull request. What is asked of each answer:
a documented status, type of content and shape, and never an error of ours.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok

from agent.chat import Chat
from agent.server import create_app
from agent.telemetry import CHAT

KEY = b"a-key-of-many-characters"
HEADERS = {"Authorization": f"Bearer {KEY.decode()}"}
# Too slow on a loaded machine is no finding.
PATIENT = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]

Operation = Any  # what schemathesis knows of one path and method
Case = Any  # and one request made from it


def operations(chat: Chat) -> Iterator[Operation]:
    """Yield what `/openapi.json` lists, asked in this process."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(chat, (KEY,)))
    schema.config.generation.update(with_security_parameters=False)  # the key is given, not made up
    for found in schema.get_all_operations():
        yield found.ok() if isinstance(found, Ok) else pytest.fail(str(found.err()))


def ask(
    operation: Operation, mode: GenerationMode, most: int, check: Callable[[Case], None]
) -> None:
    """Make up to so many requests, the same ones in each run."""

    @settings(
        max_examples=most,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=PATIENT,
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def each(case: Case) -> None:
        check(case)

    each()


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_each_answer_is_as_described(make_chat: Callable[..., Chat], mode: GenerationMode) -> None:
    """Unknown fields, wrong types, odd characters: a documented refusal or a documented answer."""
    answered: dict[str, set[int]] = {}

    def check(case: Case) -> None:
        if isinstance(case.body, dict) and isinstance(case.body.get("model"), str):
            case.body["model"] = "test-agent"  # another one is refused, and hides the rest
        response = case.call(headers=HEADERS)
        # There is no model server here: to say so with 503 is what readiness is for.
        honest = [not_a_server_error] if case.operation.path in ("/readyz", "/health") else []
        case.validate_response(response, excluded_checks=honest)
        answered.setdefault(case.operation.path, set()).add(response.status_code)

    for operation in operations(make_chat()):
        if mode is GenerationMode.POSITIVE or operation.path == CHAT:  # the others take nothing
            ask(operation, mode, 40 if operation.path == CHAT else 2, check)
    assert (200 if mode is GenerationMode.POSITIVE else 422) in answered[CHAT]


def test_nothing_answers_without_a_key(make_chat: Callable[..., Chat]) -> None:
    """Whatever was sent: a 401 of the documented shape."""
    closed = []

    def check(case: Case) -> None:
        response = case.call(headers={"Authorization": "Bearer wrong"})
        assert response.status_code == 401
        case.validate_response(response)

    for operation in operations(make_chat()):
        if operation.path.startswith("/v1/"):
            closed.append(operation.path)
            ask(operation, GenerationMode.POSITIVE, 5, check)
    assert closed == [CHAT, "/v1/models"]


def test_the_description_names_each_refusal_and_field(make_chat: Callable[..., Chat]) -> None:
    """The subset that is offered, field by field, and the one shape of all errors."""
    told = create_app(make_chat(), ()).openapi()
    chat, shapes = told["paths"][CHAT]["post"], told["components"]["schemas"]
    refusals = {status for status in chat["responses"] if status != "200"}
    assert {"400", "401", "404", "413", "422", "429", "500", "502", "503", "504"} == refusals
    for status in refusals:
        content = chat["responses"][status]["content"]["application/json"]
        assert content["schema"]["$ref"].endswith("/Refusal")
    assert set(chat["responses"]["200"]["content"]) == {"application/json", "text/event-stream"}
    assert shapes["ChatRequest"]["additionalProperties"] is False
    offered = {"model", "messages", "stream", "stream_options", "temperature", "top_p"}
    assert set(shapes["ChatRequest"]["properties"]) == offered | {"max_tokens", "seed"}
