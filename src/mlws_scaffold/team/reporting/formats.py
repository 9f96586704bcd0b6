"""A report as text, Markdown, for GitHub and for Slack, each within what its reader takes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mlws_scaffold.team.reporting.page import Line, Page, document

# GitHub drops a step summary above 1 MiB; what stands before it in the file counts too.
MOST_SUMMARY = 900_000
# Slack: blocks of a message, characters of a section and of a header, of the text beside them.
MOST_BLOCKS = 50
MOST_SECTION = 3000
MOST_HEADER = 150
MOST_TEXT = 4000

# What is markup anywhere in a line, and what only at its beginning.
_MARKS = re.compile(r"([\\`*_\[\]|~])")
_BEGINNINGS = re.compile(r"^(?=[#>+-])|^(\d+)(?=[.)])")


def text(page: Page) -> str:
    """For a terminal: one line a line, its source in brackets."""
    lines = [page.title, page.about]
    for title, listed in page.shown():
        lines += ["", title, *(f"  {_told(line)}" for line in listed)]
    return "\n".join(lines) + "\n"


def markdown(page: Page) -> str:
    """For an issue or a wiki: no word of anybody's becomes markup or calls somebody."""
    return "".join(_markdown(page))


def github(page: Page) -> str:
    """The same, cut to what a step summary takes; what is left out is counted."""
    kept: list[str] = []
    size = 0
    pieces = list(_markdown(page))
    for number, piece in enumerate(pieces):
        size += len(piece.encode())
        if size > MOST_SUMMARY:
            rest = plural_lines(len(pieces) - number)
            kept.append(f"\n{rest} left out; all of it: `{page.command}`\n")
            break
        kept.append(piece)
    return "".join(kept)


def slack(page: Page) -> str:
    """The payload for a Slack webhook as JSON."""
    return json.dumps(payload(page), ensure_ascii=False, indent=2) + "\n"


def payload(page: Page) -> Mapping[str, Any]:
    """Block Kit: plain text only, so nothing that somebody typed calls a channel."""
    sections = [piece for title, lines in page.shown() for piece in _sections(title, list(lines))]
    room = MOST_BLOCKS - 3
    kept = sections if len(sections) <= room else sections[: room - 1]
    blocks = [
        {"type": "header", "text": _plain(_cut(page.title, MOST_HEADER))},
        {"type": "context", "elements": [_plain(_cut(page.about, MOST_SECTION))]},
        *({"type": "section", "text": _plain(piece)} for piece in kept),
    ]
    if len(kept) < len(sections):
        said = f"{len(sections) - len(kept)} more parts: {page.command}"
        blocks.append({"type": "context", "elements": [_plain(said)]})
    aside = f"{page.title}: {page.about}"
    for sign, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        aside = aside.replace(sign, name)
    return {"text": _cut(aside, MOST_TEXT), "blocks": blocks}


def as_json(page: Page) -> str:
    return json.dumps(document(page), ensure_ascii=True, indent=2) + "\n"


FORMATS: Mapping[str, Callable[[Page], str]] = {
    "text": text,
    "markdown": markdown,
    "json": as_json,
    "slack": slack,
    "github": github,
}


def plural_lines(number: int) -> str:
    return f"{number} line{'' if number == 1 else 's'}"


def size(words: str) -> int:
    """Characters as Slack counts them: those outside the basic plane are two."""
    return len(words.encode("utf-16-le")) // 2


def _told(line: Line) -> str:
    return f"{line.text}  [{line.source}]" if line.source else line.text


def _markdown(page: Page) -> Iterator[str]:
    yield f"# {_escaped(page.title)}\n\n{_escaped(page.about)}\n"
    for title, lines in page.shown():
        yield f"\n## {_escaped(title)}\n\n"
        for line in lines:
            source = f" <sub>{_escaped(line.source)}</sub>" if line.source else ""
            yield f"- {_escaped(line.text)}{source}\n"


def _escaped(words: str) -> str:
    """Literal in Markdown; a zero-width joiner keeps @name from calling anybody."""
    plain = words.replace("&", "&amp;").replace("<", "&lt;")
    marked = _MARKS.sub(r"\\\1", plain)
    begun = _BEGINNINGS.sub(lambda found: f"{found[1]}\\" if found[1] else "\\", marked)
    return begun.replace("@", "@\u2060")


def _sections(title: str, lines: Sequence[Line]) -> Iterator[str]:
    """The part in as many texts as it needs, cut between lines."""
    piece = title
    for line in lines:
        added = _cut(f"• {_told(line)}", MOST_SECTION - size(title) - 20)
        if size(piece) + 1 + size(added) > MOST_SECTION:
            yield piece
            piece = f"{title} (continued)"
        piece = f"{piece}\n{added}"
    yield piece


def _cut(words: str, most: int) -> str:
    """The text, or its beginning with `…`, in at most so many characters of Slack's."""
    if size(words) <= most:
        return words
    kept = words.encode("utf-16-le")[: 2 * (most - 1)]
    return kept.decode("utf-16-le", "ignore") + "…"


def _plain(words: str) -> Mapping[str, Any]:
    return {"type": "plain_text", "text": words, "emoji": False}
