"""What an Ollama server does, through the unmodified official client.

Run against the fake server always, and against a real one where MLWS_TEST_OLLAMA_HOST names it and
MLWS_TEST_OLLAMA_MODELS two small models that it holds: both must pass the same tests.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import ollama
import pytest

from mlws_scaffold.adapters import ollama as adapter
from tests.support.fake_ollama import running

# Read now: the guards around every test take such variables away.
REAL = os.environ.get("MLWS_TEST_OLLAMA_HOST", "")
MODELS = [name for name in os.environ.get("MLWS_TEST_OLLAMA_MODELS", "").split(",") if name]
PREFIX = "mlws-test-"
HELLO = [{"role": "user", "content": "Say hello."}]
# Weights of a real model need time.
SLOW = httpx.Timeout(600.0)


@dataclass(frozen=True)
class Place:
    """A server and two models that it holds."""

    url: str
    base: str
    other: str
    client: Any
    http: httpx.Client

    def name(self) -> str:
        """A name of its own for each test."""
        return f"{PREFIX}{uuid.uuid4().hex[:8]}"

    def post(self, path: str, body: Any) -> httpx.Response:
        return self.http.post(f"{self.url}{path}", json=body)

    def build(self, **fields: Any) -> str:
        name = self.name()
        body = {"model": name, "stream": False, "from": self.base, **fields}
        answer = self.post("/api/create", body)
        assert answer.json() == {"status": "success"}, answer.text
        return name

    def shown(self, name: str) -> adapter.Shown:
        found = adapter.show(self.url, name)
        assert found is not None
        return found


@pytest.fixture(params=["fake", "real"] if REAL else ["fake"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    with contextlib.ExitStack() as stack:
        if request.param == "fake":
            fake = stack.enter_context(running())
            fake.add("tiny:1", "tiny:2")
            url, models = fake.url, ["tiny:1", "tiny:2"]
        else:
            assert len(MODELS) == 2, "MLWS_TEST_OLLAMA_MODELS must name two models: a:1,b:1"
            url, models = adapter.address(REAL), MODELS
        client = stack.enter_context(ollama.Client(url, timeout=SLOW))
        http = stack.enter_context(httpx.Client(timeout=SLOW, trust_env=False))
        try:
            yield Place(url, *models, client, http)
        finally:
            for name in adapter.installed(url):
                if name.startswith(PREFIX):
                    client.delete(name)


def test_it_says_what_it_is(place: Place) -> None:
    assert place.http.get(place.url).text == "Ollama is running"
    assert re.match(r"\d+\.\d+\.\d+", place.http.get(f"{place.url}/api/version").json()["version"])
    assert place.http.head(f"{place.url}/api/tags").status_code == 200
    assert place.http.get(f"{place.url}/api/pull").status_code in (404, 405)
    assert place.http.get(f"{place.url}/api/nothing").status_code == 404


def test_models_are_listed_with_tag_and_the_digest_of_their_manifest(place: Place) -> None:
    listed = place.client.list().models
    assert {adapter.full_name(model.model) for model in listed} >= {
        adapter.full_name(place.base),
        adapter.full_name(place.other),
    }
    for model in listed:
        assert ":" in model.model
        assert re.fullmatch("[0-9a-f]{64}", model.digest)
        assert model.size > 0


def test_a_name_means_the_same_without_case_and_with_its_defaults(place: Place) -> None:
    plain = place.shown(place.base)
    assert place.shown(place.base.upper()).weights == plain.weights
    name = place.build(system="x")
    assert place.shown(f"{name}:latest").system == "x"
    assert place.shown(f"registry.ollama.ai/library/{name}").system == "x"


def test_a_model_that_is_not_there_is_404(place: Place) -> None:
    for ask in (
        lambda: place.client.show("mlws-test-gone"),
        lambda: place.client.chat("mlws-test-gone", HELLO),
        lambda: place.client.generate("mlws-test-gone", "x"),
        lambda: place.client.delete("mlws-test-gone"),
        lambda: place.client.copy("mlws-test-gone", "mlws-test-other"),
    ):
        with pytest.raises(ollama.ResponseError, match="not found") as caught:
            ask()
        assert caught.value.status_code == 404


@pytest.mark.parametrize("route", ["pull", "create", "copy", "show", "chat", "generate"])
def test_an_empty_body_is_refused(place: Place, route: str) -> None:
    answer = place.http.post(f"{place.url}/api/{route}")
    assert (answer.status_code, answer.json()) == (400, {"error": "missing request body"})


def test_a_build_streams_its_steps_and_ends_with_success(place: Place) -> None:
    name = place.name()
    steps = place.client.create(name, from_=place.base, system="Be brief.", stream=True)
    told = [step.status for step in steps]
    assert told[-2:] == ["writing manifest", "success"]
    assert len(told) > 2
    shown = place.shown(name)
    assert shown.system == "Be brief."
    assert shown.weights == place.shown(place.base).weights
    assert adapter.full_name(shown.parent) == adapter.full_name(place.base)


def test_the_same_build_has_the_same_digest_and_another_one_another(place: Place) -> None:
    fields = {"system": "Be brief.", "parameters": {"temperature": 0.3}}
    one, two = place.build(**fields), place.build(**fields)
    three = place.build(**{**fields, "parameters": {"temperature": 0.4}})
    digests = adapter.installed(place.url)
    assert digests[f"{one}:latest"] == digests[f"{two}:latest"]
    assert digests[f"{one}:latest"] != digests[f"{three}:latest"]


def test_parameters_are_merged_key_by_key_and_lists_replaced_whole(place: Place) -> None:
    first = place.build(parameters={"temperature": 0.3, "num_ctx": 2048, "stop": ["a", "b"]})
    second = place.build(**{"from": first}, parameters={"temperature": 1, "stop": ['c\n"d"']})
    base = dict(place.shown(place.base).parameters)
    assert place.shown(second).parameters == {
        **base,
        "temperature": ("1",),
        "num_ctx": ("2048",),
        "stop": ('c\n"d"',),
    }


def test_template_system_and_messages_replace_and_empty_ones_do_not(place: Place) -> None:
    told = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    first = place.build(template="{{ .Prompt }}", system="One.", messages=told)
    same = place.build(**{"from": first}, template="", system="", messages=[])
    assert place.shown(same).system == "One."
    assert place.shown(same).template == place.shown(first).template
    assert place.shown(same).messages == (("user", "a"), ("assistant", "b"))
    other = place.build(**{"from": first}, system="Two.", messages=told[:1])
    assert place.shown(other).system == "Two."
    assert place.shown(other).messages == (("user", "a"),)


def test_licences_are_added(place: Place) -> None:
    before = "\n".join(place.shown(place.base).licenses)
    shown = place.shown(place.build(license=["One.", "Two."]))
    assert "\n".join(shown.licenses) == "\n".join(filter(None, [before, "One.", "Two."]))
    assert "\n".join(place.shown(place.build(license="Solo.")).licenses).endswith("Solo.")


def test_what_a_base_is_made_for_is_inherited(place: Place) -> None:
    first = place.build(renderer="qwen3-coder", parser="qwen3-coder", requires="0.14.0")
    shown = place.shown(place.build(**{"from": first}))
    assert (shown.renderer, shown.parser) == ("qwen3-coder", "qwen3-coder")
    assert shown.requires == "0.14.0"
    assert place.shown(place.build(**{"from": first}, parser="other")).parser == "other"


def test_building_a_name_again_replaces_it(place: Place) -> None:
    name = place.build(system="One.")
    place.client.create(name, from_=place.other, system="Two.")
    assert place.shown(name).system == "Two."
    assert place.shown(name).weights == place.shown(place.other).weights


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "neither 'from' or 'files' was specified"),
        ({"modelfile": "FROM tiny:1"}, "neither 'from' or 'files' was specified"),
        ({"files": {"/w.gguf": "sha256:" + "0" * 64}}, "file path must be relative"),
        ({"files": {"../w.gguf": "sha256:" + "0" * 64}}, "file path must be relative"),
        ({"files": {"w.gguf": ""}}, "invalid digest format"),
        ({"adapters": {"w.gguf": ""}}, "invalid digest format"),
        ({"model": "a b", "from": "x"}, "invalid model name"),
        ({"from": "a b"}, "invalid model name"),
    ],
)
def test_a_build_that_cannot_be_is_refused_with_400(
    place: Place, fields: dict[str, Any], words: str
) -> None:
    answer = place.post("/api/create", {"model": place.name(), **fields})
    assert (answer.status_code, answer.json()["error"]) == (400, words)


def test_a_bad_template_is_refused(place: Place) -> None:
    for template in ("{{ if .Prompt }}", "{{ .Prompt", "{{ end }}"):
        body = {"model": place.name(), "from": place.base, "template": template, "stream": False}
        answer = place.post("/api/create", body)
        assert answer.status_code == 400
        assert "template error" in answer.json()["error"]


def test_a_copy_keeps_the_digest_and_a_layer_stays_while_somebody_uses_it(place: Place) -> None:
    name = place.build(system="Kept.")
    copy = f"{name}:production"
    place.client.copy(name, copy)
    digests = adapter.installed(place.url)
    assert digests[f"{name}:latest"] == digests[copy]
    place.client.delete(name)
    assert place.shown(copy).system == "Kept."
    assert f"{name}:latest" not in adapter.installed(place.url)
    with pytest.raises(ollama.ResponseError):
        place.client.delete(name)


@pytest.mark.parametrize("word", ["source", "destination"])
def test_a_bad_name_is_not_copied(place: Place, word: str) -> None:
    body = {"source": place.base, "destination": "mlws-test-x", word: "a b"}
    answer = place.post("/api/copy", body)
    assert (answer.status_code, answer.json()) == (400, {"error": f'{word} "a b" is invalid'})


def test_a_blob_is_taken_once_and_only_when_its_hash_is_right(place: Place) -> None:
    data = uuid.uuid4().bytes
    url = f"{place.url}/api/blobs/sha256:{hashlib.sha256(data).hexdigest()}"
    assert place.http.head(url).status_code == 404
    assert place.http.post(url, content=data).status_code == 201
    assert place.http.head(url).status_code == 200
    assert place.http.post(url, content=iter([data])).status_code == 200
    wrong = place.http.post(f"{url[:-4]}0000", content=iter([data[:4], data[4:]]))
    assert wrong.status_code == 400
    assert wrong.json()["error"].startswith("digest mismatch, expected")
    for ask in (place.http.head, place.http.post):
        assert ask(f"{place.url}/api/blobs/md5:00").status_code == 400


def test_a_file_that_is_no_gguf_is_refused(place: Place, tmp_path: Any) -> None:
    path = tmp_path / "w.gguf"
    path.write_bytes(b"no weights at all, but long enough to be looked at")
    digest = place.client.create_blob(path)
    body = {"model": place.name(), "files": {"w.gguf": digest}, "stream": False}
    answer = place.post("/api/create", body)
    assert answer.status_code in (400, 500)
    assert "error" in answer.json()


def test_a_bad_name_is_not_pulled(place: Place) -> None:
    with pytest.raises(ollama.ResponseError, match="invalid model name") as caught:
        place.client.pull("a b")
    assert caught.value.status_code == 400


def test_an_unknown_model_is_an_error_line_in_an_answer_of_200(place: Place) -> None:
    # A real server without a network says something else, in the same form.
    name = "mlws-test/no-such-model"
    with pytest.raises(ollama.ResponseError, match="pull model manifest: ") as caught:
        [*place.client.pull(name, stream=True)]
    assert caught.value.status_code == -1
    with pytest.raises(ollama.ResponseError, match="pull model manifest: ") as caught:
        place.client.pull(name)
    assert caught.value.status_code == 500


def test_a_model_answers_in_pieces_and_tells_times_at_the_end(place: Place) -> None:
    options = {"num_predict": 8, "temperature": 0, "seed": 1}
    parts = [*place.client.chat(place.base, HELLO, options=options, stream=True)]
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    last = parts[-1]
    assert last.done_reason in ("stop", "length")
    assert last.eval_count
    assert last.eval_duration
    assert last.total_duration >= last.eval_duration
    assert "".join(part.message.content or part.message.thinking or "" for part in parts)


def test_the_same_question_with_the_same_seed_has_the_same_answer(place: Place) -> None:
    options = {"num_predict": 8, "temperature": 0, "seed": 1}
    answers = {adapter.chat(place.url, place.base, HELLO, options=options).text for _ in range(2)}
    assert len(answers) == 1


def test_generating_gives_text_and_without_a_prompt_loads_and_unloads(place: Place) -> None:
    client = place.client
    said = client.generate(place.base, "Say hello.", options={"num_predict": 4})
    assert said.done
    assert client.generate(place.base, "").done_reason == "load"
    running_now = client.ps().models
    named = {adapter.full_name(model.model): model for model in running_now}
    found = named[adapter.full_name(place.base)]
    assert 0 <= found.size_vram <= found.size
    assert found.digest == adapter.installed(place.url)[adapter.full_name(place.base)]
    assert client.generate(place.base, "", keep_alive=0).done_reason == "unload"


def test_chat_completions_are_those_of_openai(place: Place) -> None:
    body = {"model": place.base, "messages": HELLO, "max_tokens": 8, "temperature": 0}
    answer = place.post("/v1/chat/completions", body).json()
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"]["role"] == "assistant"
    assert answer["choices"][0]["finish_reason"] in ("stop", "length")
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    missing = place.post("/v1/chat/completions", {**body, "model": "mlws-test-gone"})
    assert missing.status_code == 404
    assert missing.json()["error"]["type"] == "not_found_error"


def test_streamed_completions_are_events_that_end_with_done(place: Place) -> None:
    body = {"model": place.base, "messages": HELLO, "max_tokens": 8, "stream": True}
    body["stream_options"] = {"include_usage": True}
    answer = place.post("/v1/chat/completions", body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line]
    assert events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    reasons = [chunk["choices"][0]["finish_reason"] for chunk in chunks if chunk["choices"]]
    assert [reason for reason in reasons if reason][-1:] in (["stop"], ["length"])
    assert chunks[-1]["usage"]["completion_tokens"] > 0
