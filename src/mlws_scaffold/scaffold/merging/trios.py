"""Files matched across the three sides, wherever each side has them, and what is plain of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from mlws_scaffold.scaffold.merging.moves import Moves
from mlws_scaffold.scaffold.merging.private import Entry
from mlws_scaffold.scaffold.merging.sides import Sides

Verdict = Literal["ours", "theirs", "kept deleted", "kept", "merge", "renamed twice"]


@dataclass(frozen=True, slots=True)
class Trio:
    """One file on the three sides (None: not there). `path` is where the result has it, `old` its
    path in base, `here` the one in HEAD (empty: nowhere). `elsewhere` is the template's new path,
    where both sides gave it another one.
    """

    path: str
    old: str
    here: str
    base: Entry | None
    ours: Entry | None
    theirs: Entry | None
    moved: bool = False
    elsewhere: str = ""

    @property
    def verdict(self) -> Verdict:
        """What becomes of it. `merge` needs git; all the others are plain."""
        if self.elsewhere:
            return "renamed twice"
        if self.theirs is None and self.ours is not None and (self.moved or self.ours != self.base):
            return "kept"
        if self.ours in (self.base, self.theirs):
            return "theirs"
        if self.theirs == self.base:
            return "ours"
        return "kept deleted" if self.ours is None else "merge"


def match(sides: Sides, moves: Moves) -> Iterator[Trio]:
    """Every managed file of a project, once."""
    head, base, theirs = sides.head, sides.base, sides.theirs
    for old, entry in base.items():
        target, new = moves.team.get(old), moves.template.get(old)
        if target is not None and new is not None:
            yield Trio(target, old, target, entry, head[target], theirs[new], True, new)
        elif target is not None:
            yield Trio(target, old, target, entry, head[target], theirs.get(old), moved=True)
        elif new is not None:
            here = next((path for path in (old, new) if path in head), "")
            yield Trio(new, old, here, entry, head.get(here), theirs[new])
        else:
            here = old if old in head else ""
            yield Trio(old, old, here, entry, head.get(old), theirs.get(old))
    renamed = set(moves.template.values())
    for path, entry in theirs.items():
        if path not in base and path not in renamed:
            here = path if path in head else ""
            yield Trio(path, "", here, None, head.get(path), entry)
