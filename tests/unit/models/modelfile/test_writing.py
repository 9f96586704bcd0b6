"""What is written reads back as the same commands; what cannot be said is refused."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from mlws_scaffold.models.modelfile import Command, Modelfile, ModelfileError, parse, write
from mlws_scaffold.models.modelfile.grammar import KEYWORDS, ROLES

FROM = Command("from", "", "m:1")
# The signs that matter to the grammar come often enough to meet each other.
SIGNS = st.sampled_from(
    ['"', '""', '"""', "\n", "\r\n", "\r", " ", "\t", "#", "a", "é", "\x00", ": "]
)
VALUES = st.lists(SIGNS, max_size=8).map("".join) | st.text(max_size=20)
PLAIN = [word for word in KEYWORDS if word not in ("parameter", "message")]
COMMANDS = st.one_of(
    st.builds(Command, st.sampled_from(PLAIN), st.just(""), VALUES),
    st.builds(Command, st.just("parameter"), st.from_regex(r"\A[A-Za-z0-9_]*\Z"), VALUES),
    st.builds(Command, st.just("message"), st.sampled_from(ROLES), VALUES),
)
MODELFILES = st.lists(COMMANDS, max_size=4).map(lambda found: Modelfile((FROM, *found)))
QUOTES = st.sampled_from(["", '"', '"""'])
HEADS = st.sampled_from(
    ["SYSTEM ", "from\t", "PARAMETER stop ", "PARAMETER ", "MESSAGE user ", "# "]
)
LINES = st.builds(
    lambda head, quote, value: f"{head}{quote}{value}{quote}\n", HEADS, QUOTES, VALUES
)
TEXTS = st.lists(LINES, max_size=4).map(lambda lines: "".join(["FROM m\n", *lines]))


@settings(max_examples=400, deadline=None)
@given(MODELFILES)
@example(Modelfile((FROM, Command("system", "", 'a"\nb'))))
@example(Modelfile((FROM, Command("system", "", 'a"""\nb'))))
@example(Modelfile((FROM, Command("parameter", "", ""))))
def test_what_is_written_is_read_back(modelfile: Modelfile) -> None:
    """Either it is written and means the same, or it is refused: nothing is changed silently."""
    try:
        text = write(modelfile)
    except ModelfileError:
        assume(False)
    assert parse(text) == modelfile
    assert parse(text.encode()) == modelfile
    assert write(parse(text)) == text


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_whatever_can_be_read_can_be_written(text: str) -> None:
    read = outcome(text)
    if isinstance(read, Modelfile):
        assert parse(write(read)) == read


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60) | TEXTS.map(str.encode))
def test_reading_ends_with_commands_or_with_a_placed_mistake(data: bytes) -> None:
    """No bytes at all are a reason to fail in another way."""
    read = outcome(data)
    if isinstance(read, ModelfileError):
        assert read.upstream
        assert read.line <= data.count(b"\n") + data.count(b"\r") + 1
    else:
        assert any(command.effect == "model" for command in read.commands)


def outcome(data: bytes | str) -> Modelfile | ModelfileError:
    try:
        return parse(data)
    except ModelfileError as error:
        return error


def test_texts_are_written_as_people_do() -> None:
    commands = (
        FROM,
        Command("system", "", "Be brief.\nAlways."),
        Command("parameter", "temperature", "0.3"),
        Command("parameter", "stop", "###"),
        Command("message", "user", 'He said "hi"'),
        Command("requires", "", "0.14.0"),
    )
    assert write(Modelfile(commands)) == (
        "FROM m:1\n"
        'SYSTEM """Be brief.\nAlways."""\n'
        "PARAMETER temperature 0.3\n"
        'PARAMETER stop "###"\n'
        'MESSAGE user """He said "hi""""\n'
        "REQUIRES 0.14.0\n"
    )


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (Command("system", "", 'a"\nb"""\nc'), "nothing can be escaped"),
        (Command("system", "", "one\ntwo\u200d"), "line 2 holds U+200D"),
        (Command("parameter", "top-k", "1"), "'top-k' is no name of a parameter"),
        (Command("message", "tool", "x"), "unknown role 'tool'"),
        (Command("system", "x", "y"), "SYSTEM takes no name"),
        (Command("shout", "", "y"), "no command 'shout'"),
    ],
)
def test_what_no_modelfile_can_say_is_refused_with_a_reason(command: Command, said: str) -> None:
    with pytest.raises(ModelfileError) as refused:
        write(Modelfile((FROM, command)))
    assert said in str(refused.value)


def test_a_modelfile_without_from_is_not_written() -> None:
    with pytest.raises(ModelfileError, match="no FROM"):
        write(Modelfile((Command("system", "", "a"),)))
