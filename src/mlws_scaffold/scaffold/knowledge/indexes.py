"""The README of decisions and of learnings: a table between marks, everything else is people's."""

from __future__ import annotations

from mlws_scaffold.adapters import files, texts
from mlws_scaffold.errors import InvalidFile, Problem
from mlws_scaffold.scaffold.knowledge import pages
from mlws_scaffold.scaffold.knowledge.pages import Page
from mlws_scaffold.workspace.layout import README, Layout

_TITLES = {"adr": "Decisions", "learning": "Learnings"}
# One line each, since git merges these pages by taking the lines of both sides.
_COLUMNS = {"adr": ("date", "status", "decision"), "learning": ("date", "by", "learning")}


def marks(name: str) -> tuple[str, str]:
    """The two lines that a generated part of a page stands between."""
    begin = f"<!-- mlws:{name} begin: written by mlws knowledge sync -->"
    return begin, f"<!-- mlws:{name} end -->"


def path_of(kind: str) -> str:
    """Where the index of a kind is, from the root."""
    return f"{pages.HOMES[kind]}/{README}"


def renew(layout: Layout, kind: str) -> str:
    """Write the index of a kind where it differs; returns its path. Raises InvalidFile."""
    new = planned(layout, kind)
    path = layout.root / path_of(kind)
    if new != _old(layout, kind):
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, new)
    return path_of(kind)


def is_current(layout: Layout, kind: str) -> bool:
    """Whether the index says what the files say."""
    return planned(layout, kind) == _old(layout, kind)


def planned(layout: Layout, kind: str) -> str:
    """The index page as it should be. Raises InvalidFile for a mark that stands alone."""
    found = sorted(pages.every(layout, kind), key=lambda page: (page.date, page.name), reverse=True)
    head = _COLUMNS[kind]
    rows = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    rows += [_row(kind, page) for page in found]
    old = _old(layout, kind)
    text = f"# {_TITLES[kind]}\n" if old is None else old
    return between(text, "index", "\n".join(rows), path_of(kind))


def between(text: str, name: str, part: str, path: str) -> str:
    """The text with the part between its marks; without marks they are put at the end.

    Raises InvalidFile when only one of the marks is there, or they are the wrong way round.
    """
    begin, end = marks(name)
    block = f"{begin}\n\n{part}\n\n{end}"
    if text.count(begin) == text.count(end) == 0:
        return f"{text.rstrip()}\n\n{block}\n"
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    if text.count(begin) != 1 or text.count(end) != 1 or not found or end in before:
        cure = f"leave one line {begin!r} and one line {end!r} after it"
        raise InvalidFile([Problem(path, "its generated part has lost a mark", cure)])
    return before + block + after


def _old(layout: Layout, kind: str) -> str | None:
    name = path_of(kind)
    return texts.read(layout.root / name, name)


def _row(kind: str, page: Page) -> str:
    second = page.by if kind == "learning" else page.status
    cells = [page.date or "-", pages.escaped(second) or "-", pages.link(page)]
    if page.superseded_by:
        cells[1] = f"superseded by [{page.superseded_by}]({page.superseded_by}.md)"
    return f"| {' | '.join(cells)} |"
