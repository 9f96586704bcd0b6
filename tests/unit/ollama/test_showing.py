"""What a model on the server is made of, read from the texts of `show`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlws_scaffold.adapters import ollama
from mlws_scaffold.adapters.ollama.showing import parameters
from mlws_scaffold.errors import Unavailable
from tests.support.fake_ollama import FakeOllama, gotext, running

SYSTEM = 'Answer "briefly".\nRENDERER trap\nFROM /x/sha256-' + "0" * 64 + "\nPARSER trap"


def _made(fake: FakeOllama, **body: object) -> ollama.Shown:
    for _ in ollama.create(fake.url, "mine", {"from": "m:1", **body}):
        pass
    shown = ollama.show(fake.url, "mine")
    assert shown is not None
    return shown


def test_everything_of_a_model_is_shown() -> None:
    with running(FakeOllama(offered={"m:1"})) as fake:
        shown = _made(
            fake,
            system="Be brief.",
            template="{{ .Prompt }}",
            parameters={"temperature": 0.3, "num_ctx": 8192, "stop": ["###", "<END>"]},
            messages=[{"role": "user", "content": "a\nb"}, {"role": "assistant", "content": "c"}],
            license=["Second", "Third"],
            renderer="qwen3",
            parser="qwen3",
            requires="0.14.0",
        )
        base = ollama.show(fake.url, "m:1")
    assert base is not None
    assert shown.parameters == {
        "temperature": ("0.3",),
        "num_ctx": ("8192",),
        "stop": ("###", "<END>"),
    }
    assert (shown.system, shown.template) == ("Be brief.", "{{ .Prompt }}")
    assert shown.messages == (("user", "a\nb"), ("assistant", "c"))
    assert shown.licenses == ("\n".join([*base.licenses, "Second", "Third"]),)
    assert (shown.renderer, shown.parser, shown.requires) == ("qwen3", "qwen3", "0.14.0")
    assert (shown.parent, base.parent) == ("m:1", "")
    assert shown.weights == base.weights
    assert len(shown.weights[0]) == 64
    assert shown.capabilities == ("completion",)


def test_lines_of_a_text_are_no_commands() -> None:
    with running(FakeOllama(offered={"m:1"})) as fake:
        shown = _made(fake, system=SYSTEM, renderer="true")
    assert shown.system == SYSTEM
    assert (shown.renderer, shown.parser) == ("true", "")
    assert len(shown.weights) == 1
    assert shown.weights[0] != "0" * 64


def test_an_adapter_is_told_from_weights() -> None:
    with running(FakeOllama(offered={"m:1"})) as fake:
        digest, _ = fake.store.put_blob(b"GGUF adapter")
        shown = _made(fake, adapters={"a.gguf": digest})
    assert shown.adapters == (digest.removeprefix("sha256:"),)
    assert len(shown.weights) == 1


def test_a_model_that_is_not_there_is_none_and_a_bad_name_an_error() -> None:
    with running() as fake:
        assert ollama.show(fake.url, "gone") is None
        with pytest.raises(ollama.ServerError, match="invalid model name") as caught:
            ollama.show(fake.url, "a b")
        assert not caught.value.again


def test_what_shows_no_model_is_no_ollama() -> None:
    with running(FakeOllama(instead="list")) as fake, pytest.raises(Unavailable, match="shows no"):
        ollama.show(fake.url, "m:1")


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.one_of(st.text(), NUMBERS, st.booleans())


@given(
    st.dictionaries(st.from_regex(r"[a-z_]{1,40}", fullmatch=True), st.lists(VALUES, min_size=1))
)
def test_parameters_come_back_from_the_text_of_the_server(given: dict[str, list[object]]) -> None:
    each = [(name, value) for name, values in given.items() for value in values]
    text = "\n".join(f"{name:<30} {gotext.sharp(value)}" for name, value in each)
    assert parameters(text) == {
        name: tuple(map(gotext.bare, values)) for name, values in given.items()
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.3, "0.3"), (1e6, "1e+06"), (1048576.0, "1.048576e+06"), (4096.0, "4096"), (1e-5, "1e-05")],
)
def test_numbers_are_written_as_go_writes_them(value: float, text: str) -> None:
    assert parameters(f"num_ctx                        {gotext.sharp(value)}") == {
        "num_ctx": (text,)
    }
