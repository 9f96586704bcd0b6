"""Looking at a server: what it is and holds, and not believing what is no Ollama."""

from __future__ import annotations

import re
import time

import pytest

from mlws_scaffold.adapters import ollama
from mlws_scaffold.errors import Unavailable
from tests.support.fake_ollama import FakeOllama, Pace, running
from tests.unit.ollama.conftest import patience


def test_version_and_models_are_read() -> None:
    with running() as fake:
        fake.add("llama3.1:8b", "qwen3")
        assert ollama.version(fake.url) == "0.33.0"
        assert ollama.installed(fake.url) == fake.models


def test_what_is_held_has_size_and_digest_and_says_what_runs_elsewhere() -> None:
    with running() as fake:
        fake.offer("big:70b", size=40_000_000_000)
        fake.add("big:70b", "gpt-oss:120b-cloud")
        for _ in ollama.create(
            fake.url, "stub", {"from": "other", "remote_host": "https://x.example"}
        ):
            pass
        held = ollama.held(fake.url)
    assert held["big:70b"].size > 40_000_000_000
    assert re.fullmatch("[0-9a-f]{64}", held["big:70b"].digest)
    assert {name: model.remote for name, model in held.items()} == {
        "big:70b": False,
        "gpt-oss:120b-cloud": True,
        "stub:latest": True,
    }


def test_what_is_in_memory_says_how_much_lies_on_the_gpu() -> None:
    with running() as fake:
        fake.add("m:1")
        fake.engine.pace = Pace(vram=0.25)
        ollama.load(fake.url, "m:1")
        loaded = ollama.loaded(fake.url)
        assert [model.name for model in loaded] == ["m:1"]
        assert loaded[0].digest == fake.models["m:1"]
        assert loaded[0].gpu_share == pytest.approx(0.25, abs=0.01)
        assert loaded[0].context_length == 4096
        ollama.unload(fake.url, "m:1")
        assert ollama.loaded(fake.url) == []


def test_a_share_of_nothing_is_not_told() -> None:
    assert ollama.Loaded("m:1", "", 0, 0, 0).gpu_share is None


@pytest.mark.parametrize("ask", [ollama.version, ollama.installed, ollama.held, ollama.loaded])
@pytest.mark.parametrize("instead", ["html", "garbage", "list"])
def test_whatever_else_answers_there_is_no_ollama(instead: str, ask: object) -> None:
    with running(FakeOllama(instead=instead)) as fake:  # type: ignore[arg-type]
        with pytest.raises(Unavailable, match="no Ollama server") as caught:
            ask(fake.url)  # type: ignore[operator]
        assert "<" not in caught.value.message


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("busy", "HTTP 503: server busy"),
        ("500", "HTTP 500: something broke"),
        ("redirect", "HTTP 302, sent elsewhere"),
        ("kind", "not what Ollama sends"),
        ("reset", "the connection broke"),
        ("cut", "the connection broke"),
        ("silence", "no progress for 0.2 s"),
    ],
)
def test_a_server_that_cannot_be_asked_is_unavailable(kind: str, words: str) -> None:
    with running() as fake:
        fake.add("m:1")
        fake.fail(kind)  # type: ignore[arg-type]
        for ask in (ollama.version, ollama.held, ollama.loaded):
            with pytest.raises(Unavailable, match=words):
                ask(fake.url, patience(kind))
        with pytest.raises(Unavailable, match=words):
            ollama.show(fake.url, "m:1", patience(kind))


@pytest.mark.parametrize("host", ["http://127.0.0.1:9", "http://127.0.0.1:x", "http://[::1]:9"])
def test_no_server_is_unavailable_with_a_cure(host: str) -> None:
    with pytest.raises(Unavailable, match="no Ollama server at http") as caught:
        ollama.version(host)
    assert "OLLAMA_HOST" in caught.value.cure


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    monkeypatch: pytest.MonkeyPatch, talker: str
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with running(FakeOllama(offered={"m:1"})) as fake:
        assert ollama.version(fake.url) == "0.33.0"
        assert [*ollama.pull(fake.url, "m:1")][-1].status == "success"


def test_a_proxy_of_the_environment_is_asked_for_other_machines(
    monkeypatch: pytest.MonkeyPatch, talker: str
) -> None:
    with running(FakeOllama(offered={"m:1"})) as fake:
        monkeypatch.setenv("http_proxy", fake.url.replace("//", "//ann:pass%20word@"))
        monkeypatch.setenv("no_proxy", "")
        host = "http://models.example:11434"
        assert ollama.version(host) == "0.33.0"
        assert [*ollama.pull(host, "m:1")][-1].status == "success"
        sent = [one.headers.get("proxy-authorization") for one in fake.record.requests]
        assert sent == ["Basic YW5uOnBhc3Mgd29yZA=="] * 2
        monkeypatch.setenv("no_proxy", "models.example")
        with pytest.raises(Unavailable):
            ollama.version(host)
        assert len(fake.asked) == 2


def test_a_key_for_a_server_behind_a_proxy_is_sent_by_both(
    monkeypatch: pytest.MonkeyPatch, talker: str
) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", "secret")
    with running() as fake:
        fake.add("m:1")
        ollama.version(fake.url)
        ollama.copy(fake.url, "m:1", "m:2")
        sent = [one.headers.get("authorization") for one in fake.record.requests]
        assert sent == ["Bearer secret"] * 2


def test_silence_is_given_up_after_the_time_that_was_allowed() -> None:
    with running() as fake:
        fake.fail("silence")
        began = time.monotonic()
        with pytest.raises(Unavailable):
            ollama.version(fake.url, 0.3)
    assert time.monotonic() - began < 10
