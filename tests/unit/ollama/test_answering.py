"""Asking a model: the answer, its times, and answers that are not whole."""

from __future__ import annotations

import json

import pytest

from mlws_scaffold.adapters import ollama
from mlws_scaffold.errors import Unavailable
from tests.support.fake_ollama import FakeOllama, Pace, Turn, running
from tests.support.waiting import until
from tests.unit.ollama.conftest import patience

pytestmark = pytest.mark.usefixtures("talker")
HELLO = [{"role": "user", "content": "hello there"}]


@pytest.fixture
def fake() -> FakeOllama:
    found = FakeOllama()
    found.add("m:1")
    return found


def test_an_answer_is_whole_and_has_the_servers_times(fake: FakeOllama) -> None:
    with running(fake):
        answer = ollama.chat(fake.url, "m:1", HELLO)
    assert answer.text == "You said: hello there"
    assert (answer.tokens, answer.done_reason) == (4, "stop")
    assert answer.load_seconds == pytest.approx(0.05)
    assert answer.token_seconds == pytest.approx(0.008)
    assert answer.prompt_tokens
    assert 0 < answer.first_token_seconds <= answer.seconds


def test_a_cached_prompt_has_no_numbers_rather_than_zero(fake: FakeOllama) -> None:
    with running(fake):
        ollama.chat(fake.url, "m:1", HELLO)
        answer = ollama.chat(fake.url, "m:1", HELLO)
    assert (answer.prompt_tokens, answer.prompt_seconds) == (None, None)


def test_the_first_token_is_measured_apart_from_the_rest(fake: FakeOllama) -> None:
    fake.engine.pace = Pace(first_seconds=0.05, token_seconds=0.03)
    with running(fake):
        ollama.chat(fake.url, "m:1", HELLO)
        answer = ollama.chat(fake.url, "m:1", HELLO)
    assert answer.first_token_seconds >= 0.05
    assert answer.seconds - answer.first_token_seconds >= 0.09


def test_system_options_and_format_reach_the_model(fake: FakeOllama) -> None:
    seen: list[Turn] = []

    def script(turn: Turn) -> str:
        seen.append(turn)
        return json.dumps({"system": turn.system, "temperature": turn.options["temperature"]})

    fake.script = script
    schema = {"type": "object", "properties": {"system": {"type": "string"}}}
    with running(fake):
        for _ in ollama.create(fake.url, "mine", {"from": "m:1", "system": "Be brief."}):
            pass
        options = {"temperature": 0.5, "seed": 1}
        answer = ollama.chat(fake.url, "mine", HELLO, options=options, format=schema)
    assert json.loads(answer.text) == {"system": "Be brief.", "temperature": 0.5}
    assert seen[0].format == schema
    assert seen[0].options["stop"] == ["<|eot_id|>"]


def test_a_limit_on_tokens_says_so(fake: FakeOllama) -> None:
    with running(fake):
        answer = ollama.chat(fake.url, "m:1", HELLO, options={"num_predict": 2})
    assert (answer.text.strip(), answer.done_reason) == ("You said:", "length")


@pytest.mark.parametrize(
    ("kind", "at", "words", "again"),
    [
        ("truncated", 2, "ended after 2 pieces, without being done", True),
        ("truncated", -1, "without being done", True),
        ("cut", 2, "the connection broke", True),
        ("reset", 0, "the connection broke", True),
        ("reset", 2, "the connection broke", True),
        ("inline", 2, "an error was encountered while running the model", True),
        ("garbage", 1, "not what Ollama sends", False),
        ("html", 0, "HTTP 502", True),
        ("busy", 0, "HTTP 503: server busy", True),
        ("silence", 2, "no progress for 0.2 s", True),
        ("stall", 2, "no progress for 0.2 s", True),
    ],
)
def test_an_answer_that_is_not_whole_is_an_error(
    fake: FakeOllama, kind: str, at: int, words: str, again: bool
) -> None:
    fake.fail(
        kind,  # type: ignore[arg-type]
        route="chat",
        at=at,
        words="an error was encountered while running the model" if kind == "inline" else "",
    )
    with running(fake), pytest.raises(ollama.ServerError, match=words) as caught:
        ollama.chat(fake.url, "m:1", HELLO, timeout=patience(kind))
    assert caught.value.again is again


def test_an_answer_that_takes_too_long_is_given_up_and_stopped(fake: FakeOllama) -> None:
    fake.script = lambda _turn: "word " * 1000
    fake.engine.pace = Pace(token_seconds=0.05)
    with running(fake):
        with pytest.raises(ollama.ServerError, match=r"no progress for 0\.3 s"):
            ollama.chat(fake.url, "m:1", HELLO, timeout=0.3)
        assert until(lambda: fake.record.cancelled == ["chat m:1"])


def test_an_unknown_model_is_refused_for_good(fake: FakeOllama) -> None:
    with running(fake):
        for ask in (
            lambda: ollama.chat(fake.url, "gone", HELLO),
            lambda: ollama.load(fake.url, "gone"),
        ):
            with pytest.raises(ollama.ServerError, match="HTTP 404: model 'gone'") as caught:
                ask()
            assert not caught.value.again


def test_loading_takes_what_it_takes_and_unloading_needs_nothing_loaded(fake: FakeOllama) -> None:
    with running(fake):
        ollama.unload(fake.url, "m:1")
        ollama.load(fake.url, "m:1")
        ollama.load(fake.url, "m:1")
        assert [model.name for model in ollama.loaded(fake.url)] == ["m:1"]
        ollama.unload(fake.url, "m:1")
        assert ollama.loaded(fake.url) == []


def test_no_server_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        ollama.chat("http://127.0.0.1:9", "m:1", HELLO)
