"""Reads a Modelfile with exactly the outcome that Ollama's own parser has.

Where Ollama reads character by character this jumps from line to line; errors name the true place.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field

from mlws_scaffold.errors import Problem, did_you_mean
from mlws_scaffold.models.modelfile.decoding import decode
from mlws_scaffold.models.modelfile.grammar import (
    BLANKS,
    KEYWORDS,
    NEWLINE,
    NEWLINES,
    ROLES,
    TRIPLE,
    Command,
    Dropped,
    Modelfile,
    ModelfileError,
    kept,
)

_BETWEEN = re.compile(r"(?:[ \t\r\n]+|#[^\r\n]*)*")
_LETTERS = re.compile(r"[A-Za-z]*")
_PARAMETER = re.compile(r"[A-Za-z0-9_]*")
_LINE = re.compile(r"[^\r\n]*")
_VISIBLE = re.compile(r"[^ \t\r\n]{1,40}")

_NO_COMMAND = (
    'command must be one of "from", "license", "template", "system", "adapter", "draft",'
    ' "renderer", "parser", "parameter", "message", or "requires"'
)
_NO_ROLE = 'message role must be one of "system", "user", or "assistant"'
_CUT_OFF = "unexpected EOF"


def parse(data: bytes | str, name: str = "Modelfile") -> Modelfile:
    """The commands of a Modelfile; `name` is how messages call it.

    Raises ModelfileError with the true line and column, and with the words of Ollama.
    """
    return _Reading(decode(data), name).modelfile()


def value_at(text: str, start: int) -> tuple[str, int] | None:
    """The value that begins at `start`, and where it ends; None when its quotes never close."""
    end = _line_end(text, start)
    first = kept(text[start:end]).strip(BLANKS)
    quotes = TRIPLE if first.startswith(TRIPLE) else '"' if first.startswith('"') else ""
    if not quotes:
        return first, end
    width = len(quotes)
    if len(first) >= 2 * width and first.endswith(quotes):
        return first[width:-width], end
    # Only the end of a line closes, and only where nothing but blanks follows.
    while end < len(text):
        begin, end = end + 1, _line_end(text, end + 1)
        line = text[begin:end]
        if '"' in line and kept(line).rstrip(BLANKS).endswith(quotes):
            return kept(text[start:end]).strip(BLANKS)[width:-width], end
    return None


def _line_end(text: str, start: int) -> int:
    found = _LINE.match(text, start)
    return found.end() if found else len(text)


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    found = pattern.match(text, start)
    return found.end() if found else start


@dataclass(slots=True)
class _Reading:
    text: str
    name: str
    commands: list[Command] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)

    def modelfile(self) -> Modelfile:
        at = _end(_BETWEEN, self.text, 0)
        while at < len(self.text):
            at = _end(_BETWEEN, self.text, self._command(at))
        found = Modelfile(tuple(self.commands), tuple(self.dropped))
        if found.last("model") is None:
            problem = Problem(self.name, "has no FROM", "name what it is made from: FROM MODEL")
            raise ModelfileError(problem, "no FROM line")
        return found

    def _command(self, start: int) -> int:
        """Read one command; returns where its value ends."""
        text = self.text
        # The first character may be any; where it is not printable it is dropped.
        end = _end(_LETTERS, text, start + 1)
        word = kept(text[start:end]).lower()
        if end == len(text):
            raise self._cut_off(start, f"ends within the word {word!r}")
        if text[end] not in BLANKS or word not in KEYWORDS:
            raise self._no_command(start, end, word)
        self._note_dropped(start, end)
        at, args = end + 1, ""
        if word == "parameter":
            at, args = self._name_of(_PARAMETER, start, at, "a parameter's name")
        elif word == "message":
            at, args = self._name_of(_LETTERS, start, at, "a message's role")
            if args not in ROLES:
                raise self._error(
                    at - 1 - len(args),
                    f"unknown role {args!r}",
                    f"write one of {', '.join(ROLES)}, after one blank",
                    self._as_ollama_counts(at - 1, _NO_ROLE),
                )
        found = value_at(text, at)
        if found is None:
            opening = len(text[at:]) - len(text[at:].lstrip(BLANKS)) + at
            raise self._error(
                opening, "the quote is never closed", _cure_of_quote(text, at), _CUT_OFF
            )
        value, after = found
        self._note_dropped(at, after)
        line, column = self._place(start)
        self.commands.append(Command(word, args, value, line, column))
        return after

    def _name_of(self, pattern: re.Pattern[str], start: int, at: int, what: str) -> tuple[int, str]:
        end = _end(pattern, self.text, at)
        args = self.text[at:end]
        if end == len(self.text):
            raise self._cut_off(start, f"ends after {what}")
        if self.text[end] not in BLANKS:
            shown = "the end of the line" if self.text[end] in NEWLINES else repr(self.text[end])
            raise self._error(
                end, f"{shown} follows {what}", "write a blank and a value", f"{_CUT_OFF}: {args}"
            )
        return end + 1, args

    def _no_command(self, start: int, end: int, word: str) -> ModelfileError:
        if word in KEYWORDS:
            shown = "the end of the line" if self.text[end] in NEWLINES else repr(self.text[end])
            at, message, cure = end, f"{shown} follows {word.upper()}", "write a blank and a value"
        else:
            shown = self.text[start : _end(_VISIBLE, self.text, start)]
            at, message = start, f"no command {shown!r}"
            cure = did_you_mean(word.upper(), [known.upper() for known in KEYWORDS])
        return self._error(at, message, cure, self._as_ollama_counts(end, _NO_COMMAND))

    def _cut_off(self, at: int, message: str) -> ModelfileError:
        return self._error(at, message, "complete it", _CUT_OFF)

    def _error(self, at: int, message: str, cure: str, upstream: str) -> ModelfileError:
        return ModelfileError(
            Problem(self.name, f"{message}; Ollama says: {upstream}", cure, "", *self._place(at)),
            upstream,
        )

    def _as_ollama_counts(self, at: int, words: str) -> str:
        """Ollama counts both halves of CR LF, and the newline it stumbles over as well."""
        before = self.text[: at + 1]
        return f"(line {1 + before.count(chr(10)) + before.count(chr(13))}): {words}"

    def _note_dropped(self, start: int, end: int) -> None:
        part = self.text[start:end]
        if not part.isprintable():
            self.dropped += [
                Dropped(sign, *self._place(start + index))
                for index, sign in enumerate(part)
                if not sign.isprintable() and sign not in "\t\r\n"
            ]

    def _place(self, at: int) -> tuple[int, int]:
        if not self.starts:
            self.starts += [0, *(found.end() for found in NEWLINE.finditer(self.text))]
        line = bisect_right(self.starts, at)
        return line, at - self.starts[line - 1] + 1


def _cure_of_quote(text: str, at: int) -> str:
    line = text[at : _line_end(text, at)].strip(BLANKS)
    quotes = TRIPLE if line.startswith(TRIPLE) else '"'
    if line.count(quotes) > 1:
        return f"nothing but blanks may follow the closing {quotes} in its line"
    return f"end a line with {quotes}"
