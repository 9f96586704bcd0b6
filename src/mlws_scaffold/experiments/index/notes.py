"""The pages of `docs` that are searched with the experiments: which kind, and what they say."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mlws_scaffold.workspace.layout import ADRS, DOCS, LEARNINGS, MEMORY, README, RUNBOOKS

KINDS = {ADRS: "adr", LEARNINGS: "learning", RUNBOOKS: "runbook", MEMORY: "memory"}
HANDOFF = "handoff"
_HEADING = re.compile(r"^#[ \t]+(?:\d+\.[ \t]+)?(.+?)[ \t#]*$", re.MULTILINE)
_STATUS = re.compile(r"^Status:[ \t]*([a-z]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Said:
    """What a page says of itself: its first heading, and of a decision how far it is."""

    title: str
    status: str


def is_below(path: str) -> bool:
    """Whether the path is one of `docs`."""
    return path.startswith(f"{DOCS}/")


def kind_of(path: str) -> str:
    """The kind of a page, empty for one that is not searched: an index, another folder or file."""
    home = "/".join(path.split("/")[:2])
    if not path.endswith(".md") or path.rpartition("/")[2] == README:
        return ""
    return KINDS.get(home, "")


def said(text: str) -> Said:
    """The title and the status as the page itself has them."""
    heading, status = _HEADING.search(text), _STATUS.search(text)
    return Said(heading[1] if heading else "", status[1] if status else "")
