"""What was moved: by the team, and by the template. Old path to new, inside one project.

The team's moves are looked for between the managed files that are missing and files that the
template never gave; the template's between what it dropped and what it added. Each file is paired
with the one most like it, and `git merge-tree` is left no rename to guess: it pairs only files
that matter to it, so it takes a look-alike where the true partner does not matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mlws_scaffold.adapters.git import GitError
from mlws_scaffold.scaffold.merging.private import Entry, Files, Private, Stream
from mlws_scaffold.scaffold.merging.sides import Sides
from mlws_scaffold.workspace.layout import ANSWERS

# A file of the team's is only taken for a managed one that is nearly the same.
_TEAM, _TEMPLATE = "80%", "70%"


@dataclass(slots=True)
class Moves:
    """Old path to new, by the team and by the template."""

    team: dict[str, str] = field(default_factory=dict)
    template: dict[str, str] = field(default_factory=dict)


def find(private: Private, all_sides: Sequence[Sides]) -> list[Moves]:
    """The moves in each project. The contents of all three sides must be readable."""
    found = [Moves() for _ in all_sides]
    stream, asked = Stream(), []
    empty = private.oid(b"")
    for index, sides in enumerate(all_sides):
        for who, pair in (("team", _team(sides)), ("template", _template(sides))):
            # An empty file is like every other empty file.
            before, after = (_filled(files, empty) for files in pair)
            if before and after:
                stream.commit(f"refs/heads/{who}-before/{index}", before)
                stream.commit(f"refs/heads/{who}-after/{index}", after)
                asked.append((index, who))
    if asked:
        private.write(stream)
    for index, who in asked:
        ends = (f"refs/heads/{who}-before/{index}", f"refs/heads/{who}-after/{index}")
        if who == "team":
            found[index].team = _renames(private, *ends, _TEAM)
        else:
            found[index].template = _renames(private, *ends, _TEMPLATE)
    return [_agreed(sides, moves) for sides, moves in zip(all_sides, found, strict=True)]


def _team(sides: Sides) -> tuple[dict[str, Entry], dict[str, Entry]]:
    missing = {
        path: entry
        for path, entry in sides.base.items()
        if path not in sides.head and path != ANSWERS
    }
    if not missing:
        return {}, {}
    managed = sides.base.keys() | sides.theirs.keys()
    return missing, {path: sides.head[path] for path in sides.head.keys() - managed}


def _template(sides: Sides) -> tuple[dict[str, Entry], dict[str, Entry]]:
    dropped = {path: sides.base[path] for path in sides.base.keys() - sides.theirs.keys()}
    if not any(sides.edited(path) for path in dropped):
        return {}, {}
    return dropped, {path: sides.theirs[path] for path in sides.theirs.keys() - sides.base.keys()}


def _filled(files: Mapping[str, Entry], empty: str) -> Files:
    return {path: entry for path, entry in files.items() if entry[1] != empty}


def _agreed(sides: Sides, moves: Moves) -> Moves:
    """Without the template's renames onto a file that the team has beside the old one."""
    template = {
        old: new
        for old, new in moves.template.items()
        if new not in sides.head or (old not in sides.head and old not in moves.team)
    }
    return Moves(moves.team, template)


def _renames(private: Private, before: str, after: str, likeness: str) -> dict[str, str]:
    done = private.git.raw(
        "diff-tree", "-r", "-z", f"-M{likeness}", "-l0", "--diff-filter=R", "--name-status",
        before, after,
    )  # fmt: skip
    if done.returncode or done.stderr:
        raise GitError(f"git diff-tree: {done.stderr.decode('utf-8', 'replace').strip()}")
    parts = [part.decode("utf-8", "surrogateescape") for part in done.stdout.split(b"\0") if part]
    return dict(zip(parts[1::3], parts[2::3], strict=True))
