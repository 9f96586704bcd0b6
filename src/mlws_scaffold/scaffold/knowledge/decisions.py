"""Decisions: the list of them, and one that takes the place of another."""

from __future__ import annotations

import contextlib
import re

from mlws_scaffold.adapters import files, texts
from mlws_scaffold.errors import InvalidFile, Problem, UsageError
from mlws_scaffold.scaffold.knowledge import indexes, pages
from mlws_scaffold.scaffold.knowledge.pages import Page
from mlws_scaffold.workspace.config import Workspace
from mlws_scaffold.workspace.layout import ADRS, Layout

_STATUS = re.compile(r"^Status:.*$", re.MULTILINE)


def listing(layout: Layout) -> list[Page]:
    """All decisions of the working tree, newest first."""
    found = pages.every(layout, "adr")
    return sorted(found, key=lambda page: (page.date, page.name), reverse=True)


def supersede(place: Workspace, old: str, new: str, *, dry: bool = False) -> tuple[Page, Page]:
    """Say in both that `new` takes the place of `old`, and in the index. All or nothing.

    Only the lines `Status` and `Supersedes` change. Raises UsageError when one does not exist, when
    it is the same one, or when the old one is superseded already (a circle ends there too).
    """
    layout = place.layout
    with files.locked(place.root / ADRS):
        former, later = pages.named(layout, "adr", old), pages.named(layout, "adr", new)
        _refuse(former, later)
        changed = {
            former.path: _with_status(layout, former, f"superseded by {pages.link(later)}"),
            later.path: _superseding(layout, later, former),
        }
        if not dry:
            _write(layout, changed)
    return former, later


def _refuse(former: Page, later: Page) -> None:
    if former.name == later.name:
        raise UsageError(f"{former.name} cannot take its own place", "name the one that does")
    if former.superseded_by == later.name:
        raise UsageError(f"{former.name} is superseded by {later.name} already")
    for page in (former, later):
        if page.superseded_by or page.status == "superseded":
            other = page.superseded_by or "another"
            raise UsageError(
                f"{page.name} is superseded by {other} already",
                f"supersede that one: mlws adr supersede {other} NEW",
            )
    if later.supersedes:
        raise UsageError(
            f"{later.name} supersedes {later.supersedes} already",
            "one decision takes the place of one: write another, or undo that with git",
        )


def _with_status(layout: Layout, page: Page, status: str) -> str:
    text = texts.read(layout.root / page.path, page.path) or ""
    new, count = _STATUS.subn(lambda _found: f"Status: {status}", text, count=1)
    if not count:
        cure = "write a line `Status: accepted` below its title"
        raise InvalidFile([Problem(page.path, "has no line that begins with Status:", cure)])
    return new


def _superseding(layout: Layout, page: Page, former: Page) -> str:
    text = _with_status(layout, page, "accepted")
    return _STATUS.sub(
        lambda found: f"{found[0]}\n\nSupersedes: {pages.link(former)}", text, count=1
    )


def _write(layout: Layout, changed: dict[str, str]) -> None:
    before = {name: (layout.root / name).read_bytes() for name in changed}
    try:
        for name, text in changed.items():
            files.write(layout.root / name, text)
        indexes.renew(layout, "adr")
    except BaseException:
        for name, content in before.items():
            with contextlib.suppress(OSError):
                files.write(layout.root / name, content)
        raise
