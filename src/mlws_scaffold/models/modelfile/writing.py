"""Writes a Modelfile so that reading it again gives the same commands, or refuses."""

from __future__ import annotations

import re

from mlws_scaffold.errors import Problem
from mlws_scaffold.models.modelfile.grammar import (
    KEYWORDS,
    NEWLINE,
    ROLES,
    TRIPLE,
    Command,
    Modelfile,
    ModelfileError,
    kept,
)
from mlws_scaffold.models.modelfile.parsing import parse, value_at

# How people write them; a longer text then grows without being quoted anew.
_USUAL = {"stop": '"', **dict.fromkeys(("system", "template", "license", "message"), TRIPLE)}


def write(modelfile: Modelfile) -> str:
    """The text of a Modelfile, one command after the other.

    Raises ModelfileError for what no Modelfile can say: there are no escapes.
    """
    if modelfile.last("model") is None:
        raise ModelfileError(Problem("Modelfile", "has no FROM", "add one"), "no FROM line")
    return "".join(f"{_written(command)}\n" for command in modelfile.commands)


def quoted(value: str, quotes: str = "") -> str | None:
    """The value as a Modelfile can hold it, in the given quotes if they can; None: not at all."""
    for each in (quotes, "", '"', TRIPLE):
        text = f"{each}{value}{each}"
        # Reading it back is the proof. Nothing at all would leave a blank at the end of its line.
        if text and value_at(f"{text}\n", 0) == (value, len(text)):
            return text
    return None


def with_system(text: str, system: str, name: str) -> str:
    """The text of a Modelfile with another system prompt in the line of its present one.

    Raises ModelfileError where a Modelfile cannot say it.
    """
    found = parse(text, name).last("system")
    value = quoted(system, TRIPLE)
    if found is None or value is None:
        raise _refused(found or Command("system", "", ""), *_why_not(system))
    lines = text.splitlines(keepends=True)
    after = found.line + len(NEWLINE.findall(found.value))
    return "".join([*lines[: found.line - 1], f"SYSTEM {value}\n", *lines[after:]])


def _written(command: Command) -> str:
    if command.name not in KEYWORDS:
        raise _refused(command, f"no command {command.name!r}", f"one of {', '.join(KEYWORDS)}")
    value = quoted(command.value, _USUAL.get(command.effect, ""))
    if value is None:
        raise _refused(command, *_why_not(command.value))
    word = command.name.upper()
    if command.name == "parameter":
        if not re.fullmatch(r"[A-Za-z0-9_]*", command.args):
            cure = "letters, digits and _ only"
            raise _refused(command, f"{command.args!r} is no name of a parameter", cure)
        return f"{word} {command.args} {value}"
    if command.name == "message":
        if command.args not in ROLES:
            raise _refused(command, f"unknown role {command.args!r}", f"one of {', '.join(ROLES)}")
        return f"{word} {command.args} {value}"
    if command.args:
        raise _refused(command, f"{word} takes no name", "put it into the value")
    return f"{word} {value}"


def _why_not(value: str) -> tuple[str, str]:
    if kept(value) != value:
        at = next(index for index, sign in enumerate(value) if not kept(sign))
        line = 1 + len(NEWLINE.findall(value[:at]))
        message = f"line {line} holds U+{ord(value[at]):04X}, which Ollama drops without a word"
        return message, "take it out, or write it in another way"
    return (
        'holds lines that end with " and with """, which would both end it: nothing can be escaped',
        'end those lines differently, for example with a full stop after the "',
    )


def _refused(command: Command, message: str, cure: str) -> ModelfileError:
    shown = " ".join(part for part in (command.name.upper(), command.args) if part)
    return ModelfileError(
        Problem("Modelfile", f"{shown}: {message}", cure, "", command.line, command.column)
    )
