"""YAML files are read with the place of every value; what is wrong with one is said in one line."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from mlws_scaffold.adapters import documents
from mlws_scaffold.errors import InvalidFile, Problem


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int = Field(description="a whole number")


class Whole(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    day: date | None = None
    parts: list[Part] = []
    first: Part | str | None = None


def problems(text: str) -> list[str]:
    with pytest.raises(InvalidFile) as caught:
        documents.validate(Whole, documents.parse(text.encode(), "file.yaml"))
    return [str(problem) for problem in caught.value.problems]


def test_every_key_and_item_has_its_place() -> None:
    document = documents.parse(b"\xef\xbb\xbfa: 1\nb:\n  - x\n  - y: 2\n", "file.yaml")
    assert document.data == {"a": 1, "b": ["x", {"y": 2}]}
    assert document.places["b", 1] == (4, 5)
    assert document.places["b", 1, "y"] == (4, 5)
    assert str(document.problem(("b", 1, "z"), "missing")) == "file.yaml:4:5: b.1.z: missing"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: a\nnmae: b\n", "file.yaml:2:1: nmae: unknown field (did you mean 'name'?)"),
        ("day: 2026-01-01\n", "file.yaml:1:1: name: missing (add it)"),
        ("name: a\nparts:\n  - size: big\n", 'file.yaml:3:5: parts.0.size: "big" does not fit'),
        (
            "name: a\nparts:\n  - {}\n",
            "file.yaml:3:5: parts.0.size: missing (write a whole number)",
        ),
        ("name: a\nparts:\n  - {size: 1, sise: 2}\n", "parts.0.sise: unknown field (did you mean"),
        ("name: [1\n", "file.yaml:2:1: is no YAML"),
        ("name:\n\t- x\n", "a tab stands where YAML allows none (indent with spaces)"),
        ("name: a: b\n", "put a text that holds `: ` in quotes"),
        ("name: a\nname: b\n", "file.yaml:2:1: name: is there twice (first in line 1) (keep one)"),
        ("? [a]\n: b\n", "a key must be plain text"),
        ("name: !secret x\n", "only plain values are allowed"),
        ("", "file.yaml:1:1: is empty (write its fields)"),
        ("- name\n", "file.yaml:1:1: is no mapping"),
        ("name: a\nday: 2026-13-45\n", "impossible value"),
    ],
)
def test_a_mistake_is_placed_and_comes_with_its_cure(text: str, said: str) -> None:
    assert said in " ".join(problems(text))


def test_all_mistakes_come_at_once_in_the_order_of_the_file() -> None:
    found = problems("day: soon\nparts: 3\nother: x\n")
    assert [problem.split(": ")[0] for problem in found] == [
        "file.yaml:1:1",
        "file.yaml:1:1",
        "file.yaml:2:1",
        "file.yaml:3:1",
    ]


def test_a_long_value_is_shown_in_part() -> None:
    (problem,) = problems(f"name: a\nday: {'x' * 500}\n")
    assert len(problem) < 250


def test_anchors_and_merged_keys_are_plain_values() -> None:
    text = b"base: &base {a: 1}\nmore:\n  <<: *base\n  b: 2\nagain: *base\n"
    data = documents.parse(text, "file.yaml").data
    assert data == {"base": {"a": 1}, "more": {"a": 1, "b": 2}, "again": {"a": 1}}


@pytest.mark.parametrize("sign", ["[", "{a: ", "- ", "? "])
def test_depth_is_refused_before_it_could_end_the_process(sign: str) -> None:
    for count in (1_900, 60_000):
        with pytest.raises(InvalidFile) as caught:
            documents.parse((sign * count).encode(), "file.yaml")
        assert str(caught.value).startswith("file.yaml")


def test_aliases_that_unfold_without_end_are_refused() -> None:
    levels = ["a0: &a0 {k: 1, l: 2}"]
    levels += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 9)]
    for text in ("\n".join(levels), "a: &a [*a]", "a: &a {b: *a}"):
        with pytest.raises(InvalidFile, match="aliases unfold"):
            documents.parse(text.encode(), "file.yaml")


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_bytes(b"a: 1\n" * 300_000)
    with pytest.raises(InvalidFile, match="is 1500 kB"):
        documents.read(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match=r"sub/x\.yaml: cannot be read: No such file"):
        documents.read(tmp_path / "x.yaml", "sub/x.yaml")


@given(
    st.binary(max_size=200) | st.text("[]{}:-?&*!|>'\"#%@`,\t\n ab1", max_size=60).map(str.encode)
)
def test_any_bytes_give_a_document_or_a_message(content: bytes) -> None:
    problems: tuple[Problem, ...] = ()
    try:
        found = documents.validate(Whole, documents.parse(content, "file.yaml"))
    except InvalidFile as error:
        found, problems = None, error.problems
    assert found or problems
    assert all(problem.path == "file.yaml" for problem in problems)
