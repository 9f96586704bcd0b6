"""Modelfiles mean what they mean to Ollama, and mistakes are placed where they are."""

from __future__ import annotations

import time
from typing import Any

import pytest

from mlws_scaffold.models.modelfile import Command, Modelfile, ModelfileError, parse, write
from tests.unit.models.modelfile import vectors


def as_ollama(modelfile: Modelfile) -> list[list[str]]:
    """The commands as Ollama's own parser names them."""
    return [
        [command.effect, ": ".join(command.message)]
        if command.name == "message"
        else [command.effect, command.value]
        for command in modelfile.commands
    ]


@pytest.mark.parametrize("row", vectors.PARSED, ids=vectors.about)
def test_it_reads_what_ollama_reads_and_refuses_what_ollama_refuses(row: dict[str, Any]) -> None:
    data = vectors.data(row)
    if "error" in row:
        with pytest.raises(ModelfileError) as refused:
            parse(data)
        assert refused.value.upstream == row["error"]
        assert refused.value.line > 0 or row["error"] == "no FROM line"
    else:
        read = parse(data)
        assert as_ollama(read) == row["commands"]
        assert parse(write(read)) == read


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("FROM m\n\n  FOO bar\n", 3, 3, "no command 'FOO'"),
        ("FROM m\r\nSYSTEM a\r\nPARAMETRE b 1\r\n", 3, 1, "did you mean 'PARAMETER'?"),
        ("FROM m\nSYSTEM\n", 2, 7, "the end of the line follows SYSTEM"),
        ("FROM m\nSYSTEM: x\n", 2, 7, "':' follows SYSTEM"),
        ("FROM m\nMESSAGE tool hi\n", 2, 9, "unknown role 'tool'"),
        ("FROM m\nMESSAGE  user hi\n", 2, 9, "unknown role ''"),
        ("FROM m\nPARAMETER top-k 1\n", 2, 14, "'-' follows a parameter's name"),
        (
            "FROM m\nPARAMETER temperature\n",
            2,
            22,
            "the end of the line follows a parameter's name",
        ),
        ('FROM m\nSYSTEM """a\nb""\n', 2, 8, 'end a line with """'),
        ('FROM m\nSYSTEM "a" tail\n', 2, 8, "nothing but blanks may follow the closing"),
        ("FROM m\nSYST", 2, 1, "ends within the word 'syst'"),
        ("FROM m\nPARAMETER stop", 2, 1, "ends after a parameter's name"),
        ("# only\n", 0, 0, "has no FROM"),
    ],
)
def test_a_mistake_is_placed_where_it_is(text: str, line: int, column: int, said: str) -> None:
    with pytest.raises(ModelfileError) as refused:
        parse(text.encode(), "modelfiles/x.Modelfile")
    assert (refused.value.line, refused.value.column) == (line, column)
    shown = str(refused.value)
    assert said in shown
    assert shown.startswith("modelfiles/x.Modelfile")
    assert refused.value.upstream in shown or not line


def test_each_command_knows_its_place() -> None:
    read = parse('# about\r\nFROM m\r\n\r\n  SYSTEM """a\r\nb"""\r\nPARAMETER stop x\r\n')
    assert [(one.name, one.line, one.column) for one in read.commands] == [
        ("from", 2, 1),
        ("system", 4, 3),
        ("parameter", 6, 1),
    ]


def test_what_is_dropped_is_told_with_its_place() -> None:
    read = parse('\u200bFROM m\nSYSTEM a\u00a0b\n# a\u00a0comment\nLICENSE """x\ny\x00"""\n')
    assert [(ord(one.character), one.line, one.column) for one in read.dropped] == [
        (0x200B, 1, 1),
        (0xA0, 2, 9),
        (0, 5, 2),
    ]


def test_text_is_read_like_its_bytes() -> None:
    text = 'FROM m\nSYSTEM "Grüße"\n'
    assert parse(text) == parse(text.encode()) == parse(f"\ufeff{text}")


def test_the_place_is_no_part_of_the_meaning() -> None:
    assert parse("FROM m") == parse("\n\n# a comment\n from   m  ")
    assert parse("FROM m").commands == (Command("from", "", "m"),)


def test_a_long_text_in_quotes_is_read_in_one_pass() -> None:
    """Looking for the end at each line anew would take minutes."""
    body = "\n".join(f'line {number} says "so"?' for number in range(100_000))
    started = time.monotonic()
    assert parse(f'FROM m\nSYSTEM """{body}"""\n').commands[1].value == body
    assert time.monotonic() - started < 20
