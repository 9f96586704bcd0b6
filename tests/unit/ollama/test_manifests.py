"""What a registry offers, asked without pulling, and never in the way of anything."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from mlws_scaffold.adapters import ollama
from tests.support.fake_ollama import FakeOllama, Registry, running, serving


@pytest.fixture
def registry() -> Iterator[Registry]:
    with serving(Registry()) as found:
        yield found


@pytest.mark.parametrize("header", [True, False])
def test_the_digest_is_the_one_that_a_pulled_model_has(registry: Registry, header: bool) -> None:
    registry.digest_header = header
    offer = registry.library.offer("m:1", size=5_000_000_000)
    name = f"{registry.host}/library/m:1"
    found = ollama.remote_manifest(name)
    assert found is not None
    assert found.layers[offer.weights] == 5_000_000_000
    assert set(found.layers) == set(offer.blobs)
    fake = FakeOllama()
    fake.library = fake.downloads.library = registry.library
    with running(fake):
        assert [*ollama.pull(fake.url, name)][-1].status == "success"
        assert ollama.installed(fake.url) == {name: found.digest}


def test_a_moved_tag_has_another_digest(registry: Registry) -> None:
    name = f"{registry.host}/library/m:1"
    registry.library.offer("m:1")
    before = ollama.remote_manifest(name)
    registry.library.offer("m:1", revision=2)
    after = ollama.remote_manifest(name)
    assert before is not None
    assert after is not None
    assert before.digest != after.digest


@pytest.mark.parametrize("status", [401, 404, 500, 302])
def test_a_refusal_says_nothing(registry: Registry, status: int) -> None:
    registry.library.offer("m:1")
    registry.statuses["m:1"] = status
    assert ollama.remote_manifest(f"{registry.host}/library/m:1") is None


def test_silence_is_given_up_soon(registry: Registry) -> None:
    registry.silent.add("m:1")
    began = time.monotonic()
    assert ollama.remote_manifest(f"{registry.host}/library/m:1", timeout=0.3) is None
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("name", ["127.0.0.1:9/library/m:1", "a b", "", "x/y/z/m:1", "127.0.0.1/m"])
def test_what_cannot_be_asked_says_nothing(name: str) -> None:
    if name == "127.0.0.1/m":
        name = "127.0.0.1:9/m/m"
    assert ollama.remote_manifest(name) is None


def test_what_is_no_manifest_says_nothing() -> None:
    with running(FakeOllama(instead="list")) as fake:
        assert ollama.remote_manifest(f"{fake.url.removeprefix('http://')}/library/m:1") is None
    with running(FakeOllama(instead="garbage")) as fake:
        assert ollama.remote_manifest(f"{fake.url.removeprefix('http://')}/library/m:1") is None


def test_no_key_of_the_server_goes_to_a_registry(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", "secret")
    ollama.remote_manifest(f"{registry.host}/library/m:1")
    assert registry.authorizations == {""}
