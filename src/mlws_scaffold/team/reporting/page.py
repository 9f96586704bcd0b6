"""A report before it has a format: parts, lines, and for each line where it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Line:
    """One line. Its `source` says what to look at to see the same; a line that says `not measured:
    why` needs none. Both are flat text, whatever people typed.
    """

    text: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A heading and its lines; one without lines shows `empty`."""

    title: str
    lines: Sequence[Line]
    empty: Line


@dataclass(frozen=True, slots=True)
class Page:
    """A whole report. `command` makes it again."""

    title: str
    about: str
    parts: Sequence[Part]
    command: str

    def shown(self) -> list[tuple[str, Sequence[Line]]]:
        """Each heading with what stands under it."""
        return [(part.title, part.lines or (part.empty,)) for part in self.parts]


def flat(text: object) -> str:
    """Text of people on one line, without signs that steer a terminal or turn its direction."""
    words = " ".join(str(text).split())
    return "".join(sign if sign.isprintable() else "?" for sign in words)


def document(page: Page) -> Mapping[str, Any]:
    """The report as JSON."""
    return {
        "title": page.title,
        "about": page.about,
        "command": page.command,
        "parts": [
            {"title": title, "lines": [asdict(line) for line in lines]}
            for title, lines in page.shown()
        ],
    }
