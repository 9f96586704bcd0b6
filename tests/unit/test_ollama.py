"""The Ollama adapter: addresses, names, and believing only what speaks as Ollama does."""

from __future__ import annotations

import sys

import pytest

from mlws_scaffold.adapters import ollama
from mlws_scaffold.errors import MlwsError, Unavailable, UsageError
from tests.support.fake_ollama import FakeOllama, running


@pytest.fixture(params=["client", "without"])
def talker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With the ollama package, and on a machine where it is not installed."""
    if request.param == "without":
        monkeypatch.setitem(sys.modules, "ollama", None)
    return str(request.param)


TALKERS = pytest.mark.usefixtures("talker")


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("gpu1", "http://gpu1:11434"),
        ("gpu1:8080", "http://gpu1:8080"),
        (":8080", "http://127.0.0.1:8080"),
        ("http://gpu1", "http://gpu1:80"),
        ("https://gpu1", "https://gpu1:443"),
        ("https://gpu1:8443/ollama/", "https://gpu1:8443/ollama"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("http://0.0.0.0:1234", "http://127.0.0.1:1234"),
        ("[::]:1234", "http://[::1]:1234"),
        ("::1", "http://[::1]:11434"),
        ("[fe80::1]", "http://[fe80::1]:11434"),
        (" '\"gpu1:1\"' ", "http://gpu1:1"),
        ("gpu1:99999", "http://gpu1:11434"),
    ],
)
def test_every_form_of_ollama_host_becomes_an_address(text: str, url: str) -> None:
    assert ollama.address(text) == url


@pytest.mark.parametrize("text", ["ftp://gpu1", "http://user:secret@gpu1", "gpu 1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        ollama.address(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("llama3.2", "llama3.2:latest"),
        ("Llama3.2", "llama3.2"),
        ("library/llama3.2", "registry.ollama.ai/library/llama3.2:latest"),
        ("host:5000/ns/model", "host:5000/ns/model:latest"),
    ],
)
def test_two_spellings_of_one_model_are_one_name(one: str, other: str) -> None:
    assert ollama.full_name(one) == ollama.full_name(other)


def test_version_and_models_are_read() -> None:
    with running() as fake:
        fake.add("llama3.1:8b", "qwen3")
        assert ollama.version(fake.url) == "0.33.0"
        assert ollama.installed(fake.url) == fake.models


@pytest.mark.parametrize("instead", ["html", "garbage", "list"])
def test_whatever_else_answers_there_is_no_ollama(instead: str) -> None:
    with running(FakeOllama(instead=instead)) as fake:  # type: ignore[arg-type]
        for ask in (ollama.version, ollama.installed):
            with pytest.raises(Unavailable, match="no Ollama server") as caught:
                ask(fake.url)
            assert "<" not in caught.value.message


def test_no_server_is_unavailable_with_a_cure() -> None:
    with pytest.raises(Unavailable, match="no Ollama server at http") as caught:
        ollama.version("http://127.0.0.1:9")
    assert "OLLAMA_HOST" in caught.value.cure


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with running(FakeOllama(offered={"m:1"})) as fake:
        assert ollama.version(fake.url) == "0.33.0"
        assert [*ollama.pull(fake.url, "m:1")][-1].status == "success"


@TALKERS
def test_a_pull_tells_every_step_and_ends_with_success() -> None:
    with running(FakeOllama(offered={"m:1"})) as fake:
        seen = [*ollama.pull(fake.url, "m:1")]
        assert seen[0].status == "pulling manifest"
        weights = [item.completed for item in seen if item.total == 1000]
        assert weights == [None, 400, 300, 1000]
        assert seen[-1].status == "success"
        assert "m:1" in ollama.installed(fake.url)


@TALKERS
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("inline", "max retries exceeded: EOF"),
        ("truncated", "without success"),
        ("html", "HTTP 502: 502 Bad Gateway"),
        ("garbage", "not what Ollama sends"),
        ("cut", "broke|without success"),
        ("stall", "no progress for 0.4 s"),
        ("silence", "no progress for 0.4 s"),
    ],
)
def test_a_pull_that_goes_wrong_is_never_success(fault: str, words: str) -> None:
    fake = FakeOllama(offered={"m:1"}, faults={"m:1": fault})  # type: ignore[dict-item]
    seen: list[ollama.Progress] = []
    with running(fake), pytest.raises(MlwsError, match=words) as caught:
        seen.extend(ollama.pull(fake.url, "m:1", stall=0.4))
    assert "success" not in [progress.status for progress in seen]
    assert caught.value.cure
    assert "<" not in caught.value.message


@TALKERS
@pytest.mark.parametrize(
    ("name", "words"), [("gone:1", "file does not exist"), ("a b", "HTTP 400: invalid model name")]
)
def test_a_refusal_keeps_the_servers_words(name: str, words: str) -> None:
    with running() as fake, pytest.raises(MlwsError, match=words) as caught:
        [*ollama.pull(fake.url, name)]
    assert "model_name" in caught.value.cure


@TALKERS
def test_a_server_that_is_gone_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        [*ollama.pull("http://127.0.0.1:9", "m:1")]
