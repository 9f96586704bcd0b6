"""The official client understands the service: answers, streams, refusals, over a real socket."""

from collections.abc import Callable
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionUserMessageParam

from agent.agent import Failure
from agent.chat import Chat
from agent.server import create_app
from agent.settings import Limits

KEY = "a-key-of-many-characters"
ASKED: list[ChatCompletionUserMessageParam] = [{"role": "user", "content": "Hello?"}]

Connect = Callable[..., openai.OpenAI]


@pytest.fixture
def connect(make_chat: Callable[..., Chat], serve: Callable[[Any], str]) -> Connect:
    """Return a function that serves the script and gives a client of it; it takes settings."""

    def begin(key: str = KEY, **given: Any) -> openai.OpenAI:
        address = serve(create_app(make_chat(**given), (KEY.encode(),)))
        return openai.OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0, timeout=30)

    return begin


def test_an_answer_is_parsed(connect: Connect) -> None:
    """Text, reason, usage and fingerprint are where the client looks for them."""
    answer = connect().chat.completions.create(model="test-agent", messages=ASKED)
    assert answer.choices[0].message.content == "Hello"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == 9
    assert answer.system_fingerprint


def test_a_stream_is_parsed(connect: Connect) -> None:
    """Each event becomes a chunk, the last one holds the usage that was asked for."""
    with connect().chat.completions.create(
        model="test-agent", messages=ASKED, stream=True, stream_options={"include_usage": True}
    ) as stream:
        chunks = list(stream)
    said = [one.choices[0].delta.content for one in chunks if one.choices]
    assert said == ["Hel", "lo", None]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 2


def test_the_agent_is_listed(connect: Connect) -> None:
    """A client that looks for models finds the one there is."""
    assert [model.id for model in connect().models.list()] == ["test-agent"]


def test_a_wrong_key_is_the_clients_error_of_that_name(connect: Connect) -> None:
    """401."""
    with pytest.raises(openai.AuthenticationError) as caught:
        connect("another-key-of-that-length").chat.completions.create(
            model="test-agent", messages=ASKED
        )
    assert caught.value.code == "invalid_api_key"


def test_too_much_text_is_a_bad_request(connect: Connect) -> None:
    """400, with the code by which clients know that a conversation became too long."""
    with pytest.raises(openai.BadRequestError) as caught:
        connect(limits=Limits(input_tokens=1)).chat.completions.create(
            model="test-agent", messages=[{"role": "user", "content": "x" * 20}]
        )
    assert (caught.value.code, caught.value.param) == ("context_length_exceeded", "messages")
    assert "about 5 tokens" in caught.value.message


@pytest.mark.parametrize(
    ("extra", "kind", "param"),
    [
        ({"extra_body": {"logit_bias": {}}}, openai.UnprocessableEntityError, "logit_bias"),
        ({"n": 2}, openai.UnprocessableEntityError, "n"),
        ({"model": "gpt-5"}, openai.NotFoundError, "model"),
    ],
)
def test_what_is_not_offered_is_an_error_that_names_it(
    connect: Connect, extra: dict[str, Any], kind: type[openai.APIStatusError], param: str
) -> None:
    """422 for a field, 404 for a model."""
    with pytest.raises(kind) as caught:
        connect().chat.completions.create(**{"model": "test-agent", "messages": ASKED} | extra)
    assert caught.value.param == param


def test_a_full_house_is_a_rate_limit(connect: Connect, script: Any) -> None:
    """429: the client's own retries then wait as long as the header says."""
    script.stalls_at = 1
    client = connect(limits=Limits(running=1, queued=0))
    with client.chat.completions.create(model="test-agent", messages=ASKED, stream=True) as first:
        next(iter(first))
        with pytest.raises(openai.RateLimitError) as caught:
            client.chat.completions.create(model="test-agent", messages=ASKED)
    assert caught.value.response.headers["retry-after"] == "5"


def test_an_error_within_a_stream_reaches_the_caller(connect: Connect, script: Any) -> None:
    """It is raised where the text is read, after what was said."""
    script.failure, script.fails_at = Failure("failed", "out of memory"), 1
    said = []
    with pytest.raises(openai.APIError, match="out of memory"):
        with connect().chat.completions.create(
            model="test-agent", messages=ASKED, stream=True
        ) as stream:
            for chunk in stream:
                said.append(chunk.choices[0].delta.content)
    assert said == ["Hel"]
