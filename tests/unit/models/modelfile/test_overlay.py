"""What a server shows of a model it built is recognised as that model, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlws_scaffold.adapters import ollama
from mlws_scaffold.models.modelfile import (
    Command,
    Modelfile,
    Recipe,
    Source,
    differences,
    of,
    parse,
)
from mlws_scaffold.models.modelfile.grammar import kept
from mlws_scaffold.models.modelfile.writing import quoted
from tests.support.fake_ollama import FakeOllama, running

BASE = "base:1"
GGUF = b"GGUF\x03\x00\x00\x00"


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    with running(FakeOllama()) as fake:
        fake.offer(
            BASE, system="Be kind.", parameters={"stop": ["<|eot|>"], "num_ctx": 4096, "top_p": 0.9}
        )
        fake.add(BASE)
        yield fake.url


def recipe(text: str, folder: Path = Path("/nowhere")) -> Recipe:
    return of(parse(text), Source(folder))


def built(host: str, made: Recipe, name: str = "ours") -> ollama.Shown:
    """What the server shows after it built the recipe."""
    for blob in made.blobs:
        list(ollama.upload(host, blob.path, blob.digest))
    list(ollama.create(host, name, made.body))
    return shown(host, name)


def shown(host: str, name: str) -> ollama.Shown:
    found = ollama.show(host, name)
    assert found is not None
    return found


def fields(host: str, wanted: Recipe, have: ollama.Shown) -> list[str]:
    return [one.field for one in differences(wanted, have, shown(host, BASE))]


FULL = (
    f'FROM {BASE}\nSYSTEM """Say "a".\nAlways."""\nPARAMETER temperature 0.3\nPARAMETER top_k 40\n'
    "PARAMETER num_ctx 1000000\nPARAMETER use_mmap true\n"
    'PARAMETER stop "###"\nPARAMETER stop "\\n<é>"\nTEMPLATE {{ .Prompt }}!\nLICENSE MIT\n'
    "MESSAGE user hi\nMESSAGE assistant hello: you\nREQUIRES 0.14.0\nRENDERER qwen3-coder\n"
    "PARSER qwen3-coder\n"
)


@pytest.mark.parametrize("text", [f"FROM {BASE}\n", FULL, f"FROM {BASE}\nSYSTEM a\n"])
def test_a_model_is_recognised_as_what_it_was_built_from(host: str, text: str) -> None:
    made = recipe(text)
    assert differences(made, built(host, made), shown(host, BASE)) == []


@pytest.mark.parametrize(
    ("by_hand", "field"),
    [
        (FULL.replace("temperature 0.3", "temperature 0.7"), "parameters.temperature"),
        (FULL.replace("PARAMETER top_k 40\n", ""), "parameters.top_k"),
        (FULL.replace('PARAMETER stop "###"\n', ""), "parameters.stop"),
        (FULL + "PARAMETER seed 1\n", "parameters.seed"),
        (FULL.replace("Always", "Never"), "system"),
        (FULL.replace("{{ .Prompt }}!", "{{ .Prompt }}?"), "template"),
        (FULL.replace("hello: you", "hello"), "messages"),
        (FULL.replace("LICENSE MIT", "LICENSE BSD"), "license"),
        (FULL.replace("RENDERER qwen3-coder", "RENDERER qwen3-vl"), "renderer"),
        (FULL.replace("PARSER qwen3-coder", "PARSER qwen3-vl"), "parser"),
        (FULL.replace("REQUIRES 0.14.0", "REQUIRES 0.15.0"), "requires"),
    ],
)
def test_a_model_that_was_built_otherwise_is_told_by_its_field(
    host: str, by_hand: str, field: str
) -> None:
    have = built(host, recipe(by_hand))
    assert fields(host, recipe(FULL), have) == [field]


def test_a_difference_says_what_is_wanted_and_what_is_there(host: str) -> None:
    have = built(host, recipe(FULL.replace("temperature 0.3", "temperature 0.7")))
    (found,) = differences(recipe(FULL), have, shown(host, BASE))
    assert (found.field, found.wanted, found.found) == ("parameters.temperature", "0.3", "0.7")


def test_other_weights_are_told(host: str) -> None:
    made = recipe(FULL)
    have = built(host, made)
    moved = replace(shown(host, BASE), weights=("f" * 64,))
    assert [one.field for one in differences(made, have, moved)] == ["weights"]


def test_a_model_of_a_file_is_recognised_without_a_base(host: str, tmp_path: Path) -> None:
    (tmp_path / "w.gguf").write_bytes(GGUF + b"w")
    (tmp_path / "v.gguf").write_bytes(GGUF + b"v")
    made = recipe("FROM w.gguf\nSYSTEM a\nPARAMETER seed 1\n", tmp_path)
    have = built(host, made, "of-a-file")
    assert differences(made, have, None) == []
    other = recipe("FROM v.gguf\nSYSTEM b\nPARAMETER seed 2\n", tmp_path)
    found = [one.field for one in differences(other, have, None)]
    assert found == ["weights", "parameters.seed", "system"]


def test_what_cannot_be_compared_counts_as_different(tmp_path: Path) -> None:
    """A model too many is built rather than a wrong one believed."""
    (tmp_path / "model.safetensors").write_bytes(b"x")
    (tmp_path / "d.gguf").write_bytes(GGUF)
    converted = recipe(f"FROM {tmp_path}\n")
    assert [one.field for one in differences(converted, ollama.Shown(), None)] == ["weights"]
    drafted = recipe(f"FROM {BASE}\nDRAFT d.gguf\n", tmp_path)
    base = ollama.Shown(weights=("a" * 64,))
    assert [one.field for one in differences(drafted, base, base)] == ["draft"]


def test_what_ollama_reads_out_of_a_file_is_not_held_against_it(tmp_path: Path) -> None:
    (tmp_path / "w.gguf").write_bytes(GGUF)
    made = recipe("FROM w.gguf\n", tmp_path)
    weights = tuple(blob.digest.removeprefix("sha256:") for blob in made.blobs)
    have = ollama.Shown({"stop": ("<end>",)}, "{{ .Prompt }}", renderer="r", weights=weights)
    assert differences(made, have, None) == []


VALUES = st.text(max_size=20).map(lambda text: kept(text).strip()).filter(quoted)
NUMBERS = st.integers(-(2**31), 2**31).map(str) | st.floats(-100, 100, width=32).map(repr)
COMMANDS: st.SearchStrategy[Command] = st.one_of(
    st.builds(Command, st.sampled_from(["system", "license"]), st.just(""), VALUES),
    st.builds(Command, st.just("parameter"), st.just("stop"), VALUES),
    st.builds(
        Command,
        st.just("parameter"),
        st.sampled_from(["temperature", "top_p", "min_p", "repeat_penalty"]),
        NUMBERS,
    ),
    st.builds(
        Command,
        st.just("parameter"),
        st.sampled_from(["num_ctx", "seed", "top_k"]),
        st.integers(-(2**53), 2**53).map(str),
    ),
    st.builds(Command, st.just("message"), st.sampled_from(["user", "assistant"]), VALUES),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(COMMANDS, max_size=5))
def test_whatever_is_built_is_recognised(host: str, commands: list[Any]) -> None:
    made = of(Modelfile((Command("from", "", BASE), *commands)), Source(Path("/nowhere")))
    assert differences(made, built(host, made), shown(host, BASE)) == []
