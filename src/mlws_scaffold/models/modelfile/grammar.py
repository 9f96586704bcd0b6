"""What a Modelfile consists of, and which characters and words it is made of.

The rules are those of Ollama's own parser (a state machine over characters), read in its source
and held by vectors that were run through it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from mlws_scaffold.errors import InvalidFile, Problem

KEYWORDS = (
    "from",
    "license",
    "template",
    "system",
    "adapter",
    "draft",
    "renderer",
    "parser",
    "parameter",
    "message",
    "requires",
)
ROLES = ("system", "user", "assistant")
BLANKS = " \t"
NEWLINES = "\r\n"
# A line as editors count it; Ollama itself counts both signs of CR LF.
NEWLINE = re.compile(r"\r\n|\r|\n")
TRIPLE = '"""'


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `name` is its word in lower case.

    `args` is a parameter's name or a message's role, and empty for all others. Line and column
    count from 1 and are no part of the meaning.
    """

    name: str
    args: str
    value: str
    line: int = field(default=0, compare=False)
    column: int = field(default=0, compare=False)

    @property
    def effect(self) -> str:
        """What Ollama takes it for: it does not tell `PARAMETER system x` from `SYSTEM x`."""
        if self.name == "parameter":
            return self.args
        return "model" if self.name == "from" else self.name

    @property
    def message(self) -> tuple[str, str]:
        """Role and text of what has the effect of a message."""
        if self.name == "message":
            return self.args, self.value
        role, _, text = self.value.partition(": ")
        return role, text


@dataclass(frozen=True, slots=True)
class Dropped:
    """A character that Ollama takes out of a command without a word."""

    character: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Modelfile:
    """The commands in their order, and what was dropped on the way (no part of the meaning)."""

    commands: tuple[Command, ...]
    dropped: tuple[Dropped, ...] = field(default=(), compare=False)

    def all(self, effect: str) -> Iterator[Command]:
        """The commands with an effect: `model`, `template`, …, or the name of a parameter."""
        return (command for command in self.commands if command.effect == effect)

    def last(self, effect: str) -> Command | None:
        """The command that counts where a later one replaces an earlier one."""
        return next(
            (command for command in reversed(self.commands) if command.effect == effect), None
        )


class ModelfileError(InvalidFile):
    """Ollama would refuse this Modelfile. `upstream` is what it would say (or the empty string)."""

    def __init__(self, problem: Problem, upstream: str = "") -> None:
        super().__init__([problem])
        self.upstream = upstream
        self.line, self.column = problem.line, problem.column


def kept(text: str) -> str:
    """The text without what Ollama drops: all that is not printable, but for tabs and newlines.

    Python's tables and Go's differ in few code points that are newer than Python's own.
    """
    if text.isprintable():
        return text
    return "".join(sign for sign in text if sign.isprintable() or sign in "\t\r\n")
