"""Names that cannot stand side by side: a file where a folder comes, two that differ by case."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from mlws_scaffold.scaffold.merging.sides import Sides

GITLINK = "160000"


def found(sides: Sides) -> list[str]:
    """A sentence for each clash between what the template gives and what the team has."""
    # What the template takes away, unedited, makes room for what it gives.
    going = {path for path in sides.base.keys() - sides.theirs.keys() if not sides.edited(path)}
    staying = sides.head.keys() - going
    folders = {above for path in staying for above in _above(path)}
    alike: dict[str, str] = {}
    for path in staying | folders:
        alike.setdefault(_folded(path), path)
    said = [
        f"{sides.full(path)} is a submodule here and a file in the template"
        for path in sorted(sides.base.keys() | sides.theirs.keys())
        if sides.head.get(path, ("",))[0] == GITLINK
    ]
    for path in sorted(sides.theirs.keys() - sides.base.keys() - sides.head.keys()):
        above = next((one for one in _above(path) if one in staying), None)
        if above is not None:
            said.append(f"{sides.full(above)} is a file here and a folder in the template")
        elif path in folders:
            said.append(f"{sides.full(path)} is a folder here and a file in the template")
        elif (twin := _twin(path, alike)) is not None:
            one, other = (sides.full(name) for name in twin)
            said.append(f"{one} here and {other} in the template differ only by case")
    return list(dict.fromkeys(said))


def _twin(path: str, alike: dict[str, str]) -> tuple[str, str] | None:
    for name in (path, *_above(path)):
        here = alike.get(_folded(name))
        if here is not None and here != name:
            return here, name
    return None


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()


def _above(path: str) -> Iterable[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
