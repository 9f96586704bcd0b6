"""A decision or a learning as its file says it: the title, then lines `Name: value`, then prose."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters import texts
from mlws_scaffold.errors import UsageError, did_you_mean
from mlws_scaffold.workspace.layout import ADRS, LEARNINGS, Layout

HOMES = {"adr": ADRS, "learning": LEARNINGS}
# Numbered ones came with older workspaces; new names hold the day, so that two people who write
# one on the same day make two files and no conflict.
_NAME = re.compile(r"(\d{4}-\d\d-\d\d|\d{4})-(.+)")
_HEADING = re.compile(r"^#[ \t]+(?:\d+\.[ \t]+)?(.+?)[ \t#]*$", re.MULTILINE)
_LINK = re.compile(r"\[(?:\\.|[^\]\\])*\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Page:
    """What a file says of itself; empty where it does not. `supersedes` and `superseded_by` are
    names of files beside it without their ending.
    """

    name: str
    path: str
    title: str
    date: str
    by: str
    status: str
    experiment: str = ""
    supersedes: str = ""
    superseded_by: str = ""


def every(layout: Layout, kind: str) -> list[Page]:
    """All pages of a kind in the working tree, oldest first. Raises InvalidFile for no text."""
    return [read(layout, path) for path in layout.notes(HOMES[kind])]


def read(layout: Layout, path: Path) -> Page:
    """One page. Raises InvalidFile when it is too large or no text."""
    name = layout.relative(path)
    text = texts.read(path, name) or ""
    heading, named = _HEADING.search(text), _NAME.fullmatch(path.stem)
    date, _, by = field(text, "Date").partition(", by ")
    in_name = named[1] if named and "-" in named[1] else ""
    status = field(text, "Status")
    return Page(
        path.stem,
        name,
        heading[1] if heading else path.stem,
        date.strip() or in_name,
        by.strip(),
        status.partition(" ")[0],
        _linked(field(text, "Experiment")),
        _linked(field(text, "Supersedes")),
        _linked(status),
    )


def field(text: str, name: str) -> str:
    """The value of the line `NAME: value` before the first section, empty without one."""
    head = re.split(r"^## ", text, maxsplit=1, flags=re.MULTILINE)[0]
    found = re.search(rf"^{name}:[ \t]*(.*?)[ \t]*\r?$", head, re.MULTILINE)
    return found[1] if found else ""


def named(layout: Layout, kind: str, text: str) -> Page:
    """The page that `text` means: a path, its name, its number or day, or a part of its name.

    Raises UsageError for none, or for more than one.
    """
    pages = every(layout, kind)
    wanted = Path(text).name.removesuffix(".md")
    for fits in (
        [page for page in pages if page.name == wanted],
        [page for page in pages if wanted and page.name.startswith(wanted)],
        [page for page in pages if wanted and wanted.lower() in page.name],
    ):
        if len(fits) == 1:
            return fits[0]
        if fits:
            names = ", ".join(page.name for page in fits)
            raise UsageError(f"{text!r} means more than one: {names}", "write more of the name")
    cure = did_you_mean(wanted, [page.name for page in pages])
    raise UsageError(f"nothing in {HOMES[kind]} is called {text!r}", cure)


def link(page: Page) -> str:
    """A link to a page from one beside it."""
    return f"[{escaped(page.title)}]({page.name}.md)"


def escaped(text: str) -> str:
    """A text that stays what it is inside a link, a list or a table of Markdown, on one line."""
    return re.sub(r"([\\\[\]|<>`*_])", r"\\\1", " ".join(text.split()))


def _linked(value: str) -> str:
    """The name of the file, or of the folder, that the value links to; empty without a link."""
    found = _LINK.search(value)
    return found[1].rstrip("/").rpartition("/")[2].removesuffix(".md") if found else ""
