"""Files that the team took over from the template: `[update] own` in mlws.toml."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from mlws_scaffold.adapters import files
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError, UsageError
from mlws_scaffold.workspace.layout import ANSWERS, CONFIG

_TABLE = re.compile(r"^\[update\][^\n]*\n", re.MULTILINE)
_LIST = re.compile(r"^own[ \t]*=[ \t]*\[[^\]]*\]", re.MULTILINE)


def patterns(root: Path) -> tuple[str, ...]:
    """The patterns of files that updates leave alone, read as in a `.gitignore` at the root."""
    try:
        text = (root / CONFIG).read_text(encoding="utf-8")
        return _owned(text) if "own" in text else ()
    except (OSError, ValueError):
        return ()


def take(root: Path, wanted: Sequence[str]) -> list[str]:
    """Add patterns to the list; those that were not on it. Raises UsageError for the answers file,
    MlwsError when mlws.toml cannot be edited.
    """
    path = root / CONFIG
    if any(pattern.rpartition("/")[2] == ANSWERS for pattern in wanted):
        raise UsageError(f"{ANSWERS} ties a project to its template and stays with it")
    try:
        text = path.read_text(encoding="utf-8")
        before = _owned(text)
        fresh = [pattern for pattern in dict.fromkeys(wanted) if pattern not in before]
        edited = _with(text, [*before, *fresh])
        if _owned(edited) != (*before, *fresh) or _rest(edited) != _rest(text):
            raise MlwsError(
                f"{CONFIG} is written in a way that is not edited here",
                f"add {', '.join(map(json.dumps, fresh))} to `own` in its table [update]",
            )
    except (OSError, ValueError) as error:
        raise MlwsError(f"{CONFIG} cannot be read: {error}", "mend it first") from error
    if fresh:
        files.write(path, edited)
    return fresh


def eject(root: Path, names: Sequence[str]) -> list[str]:
    """Take over files that are there: their patterns. Raises UsageError for one that is not in git.

    A name counts from where one stands or from the root.
    """
    wanted = []
    for name in names:
        found = next(
            (one for one in (Path(name).absolute(), root / name) if one.is_file()), root / name
        )
        try:
            inside = found.resolve().relative_to(root.resolve()).as_posix()
        except ValueError:
            raise UsageError(f"{name} lies outside of the workspace") from None
        if not Git(root).tracked(f":(literal){inside}"):
            raise UsageError(f"{name} is no file that git keeps here", "for a pattern: --own")
        wanted.append(f"/{_escaped(inside)}")
    return take(root, wanted)


def _owned(text: str) -> tuple[str, ...]:
    import tomllib

    table = tomllib.loads(text).get("update", {})
    own = table.get("own", []) if isinstance(table, dict) else []
    return tuple(one for one in own if isinstance(one, str)) if isinstance(own, list) else ()


def _rest(text: str) -> object:
    import tomllib

    data = tomllib.loads(text)
    table = data.pop("update", {})
    return data, {key: value for key, value in table.items() if key != "own"}


def _with(text: str, owned: Sequence[str]) -> str:
    line = f"own = [{', '.join(json.dumps(one, ensure_ascii=False) for one in owned)}]"
    table = _TABLE.search(text)
    if table is None:
        return f"{text.rstrip()}\n\n[update]\n{line}\n"
    end = text.find("\n[", table.end() - 1)
    part = text[table.end() : end if end >= 0 else len(text)]
    changed, count = _LIST.subn(lambda _: line, part, count=1)
    return text[: table.end()] + (changed if count else f"{line}\n{part}") + text[
        table.end() + len(part) :
    ]  # fmt: skip


def _escaped(path: str) -> str:
    """A path as a pattern that names it and nothing else."""
    return re.sub(r"([\\*?\[\]!# ])", r"\\\1", path)
