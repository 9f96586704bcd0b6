"""Addresses of servers in all forms of OLLAMA_HOST, and names of models."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlws_scaffold.adapters import ollama
from mlws_scaffold.adapters.ollama.names import parts
from mlws_scaffold.errors import UsageError
from tests.support.fake_ollama import names as servers


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("gpu1", "http://gpu1:11434"),
        ("gpu1:8080", "http://gpu1:8080"),
        ("gpu1/", "http://gpu1:11434"),
        ("gpu1:8080/ollama", "http://gpu1:8080/ollama"),
        (":8080", "http://127.0.0.1:8080"),
        ("http://gpu1", "http://gpu1:80"),
        ("HTTPS://gpu1", "https://gpu1:443"),
        ("https://gpu1", "https://gpu1:443"),
        ("https://gpu1:8443/ollama/", "https://gpu1:8443/ollama"),
        ("ollama.com", "https://ollama.com:443"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("http://0.0.0.0:1234", "http://127.0.0.1:1234"),
        ("[::]:1234", "http://[::1]:1234"),
        ("::1", "http://[::1]:11434"),
        ("[fe80::1]", "http://[fe80::1]:11434"),
        ("[fe80::1]:80", "http://[fe80::1]:80"),
        (" '\"gpu1:1\"' ", "http://gpu1:1"),
        ("gpu1:99999", "http://gpu1:11434"),
        ("gpu1:-1", "http://gpu1:11434"),
        ("gpu1:http", "http://gpu1:11434"),
        ("https://gpu1:x", "https://gpu1:443"),
    ],
)
def test_every_form_of_ollama_host_becomes_an_address(text: str, url: str) -> None:
    assert ollama.address(text) == url


@pytest.mark.parametrize(
    "text",
    ["ftp://gpu1", "http://user:secret@gpu1", "gpu 1", "a:b:c", "[gpu1]", "http://gpu1/?key=1"],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no address"):
        ollama.address(text)


@given(st.text(max_size=30))
def test_an_address_is_whole_and_stays_what_it_is(text: str) -> None:
    try:
        url = ollama.address(text)
    except UsageError:
        return
    parts = urlsplit(url)
    assert parts.scheme in ("http", "https")
    assert parts.hostname
    assert parts.port is not None
    assert ollama.address(url) == url


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("llama3.2", "llama3.2:latest"),
        ("Llama3.2", "llama3.2"),
        ("library/llama3.2", "registry.ollama.ai/library/llama3.2:latest"),
        ("https://registry.ollama.ai/library/llama3.2", "llama3.2"),
        ("host:5000/ns/model", "host:5000/ns/model:latest"),
    ],
)
def test_two_spellings_of_one_model_are_one_name(one: str, other: str) -> None:
    assert ollama.full_name(one) == ollama.full_name(other)


@pytest.mark.parametrize(
    ("name", "cloud"),
    [
        ("gpt-oss:120b-cloud", True),
        ("deepseek:cloud", True),
        ("DeepSeek:671B-Cloud", True),
        ("gpt-oss:20b:cloud", True),
        ("cloud", False),
        ("ns/cloud:8b", False),
        ("host:5000/cloud/m:8b", False),
        ("llama3.1:8b", False),
        ("m:cloudy", False),
    ],
)
def test_models_that_run_elsewhere_are_known_by_name(name: str, cloud: bool) -> None:
    assert ollama.is_cloud(name) is cloud


@given(
    st.from_regex(r"(https?://)?([a-z.:0-9]{1,9}/)?([a-zA-Z_.-]{1,9}/)?[\w.-]{1,9}(:[\w.]{1,5})?")
)
def test_a_name_is_taken_apart_as_the_server_does_it(name: str) -> None:
    name = name.strip()
    theirs = servers.parse(name)
    ours = parts(name)
    if name.lower().endswith((":cloud", ":local")):
        return
    assert (ours is not None) is theirs.valid
    if ours is not None:
        assert (ours.host, ours.namespace, ours.model, ours.tag) == tuple(theirs)
