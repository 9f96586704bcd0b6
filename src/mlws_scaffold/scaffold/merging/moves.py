"""What the team moved: a managed file that is missing, and one of the team's that is nearly it.

The search stays inside one project, and only files that the template never gave are looked at, so
that no edit ever lands in another project or in an unrelated file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mlws_scaffold.adapters.git import GitError
from mlws_scaffold.scaffold.merging.private import Files, Private, Stream
from mlws_scaffold.scaffold.merging.sides import Sides
from mlws_scaffold.workspace.layout import ANSWERS

LIKENESS = "80%"


def candidates(sides: Sides, private: Private) -> tuple[dict[str, tuple[str, str]], Files]:
    """The managed files that are missing, and the team's own that may be one of them."""
    empty = private.oid(b"")
    missing = {
        path: entry
        for path, entry in sides.base.items()
        if path not in sides.head and path != ANSWERS and entry[1] != empty
    }
    if not missing:
        return {}, {}
    own = {
        path: entry
        for path, entry in sides.head.items()
        if path not in sides.base and path not in sides.theirs and entry[1] != empty
    }
    return missing, own


def find(private: Private, all_sides: Sequence[Sides]) -> list[dict[str, str]]:
    """For each project, where its missing files went: old path to new path.

    The blobs of the missing files must have been written.
    """
    found: list[dict[str, str]] = [{} for _ in all_sides]
    stream, asked = Stream(), []
    for index, sides in enumerate(all_sides):
        missing, own = candidates(sides, private)
        if missing and own:
            stream.commit(f"refs/heads/missing/{index}", missing)
            stream.commit(f"refs/heads/own/{index}", own)
            asked.append(index)
    if asked:
        private.write(stream)
    for index in asked:
        trees = (f"refs/heads/missing/{index}", f"refs/heads/own/{index}")
        found[index] = renames(private, *trees, LIKENESS)
    return found


def renames(private: Private, before: str, after: str, likeness: str) -> dict[str, str]:
    """Renames between two trees: old path to new path."""
    done = private.git.raw(
        "diff-tree", "-r", "-z", f"-M{likeness}", "-l0", "--diff-filter=R", "--name-status",
        before, after,
    )  # fmt: skip
    if done.returncode or done.stderr:
        raise GitError(f"git diff-tree: {done.stderr.decode('utf-8', 'replace').strip()}")
    parts = [_decoded(part) for part in done.stdout.split(b"\0") if part]
    return dict(zip(parts[1::3], parts[2::3], strict=True))


def _decoded(part: bytes) -> str:
    return part.decode("utf-8", "surrogateescape")


def masked(sides: Sides, moved: Iterable[str]) -> dict[str, tuple[str, str]]:
    """HEAD as the merge may see it: what the template gives or gave, and where it was moved."""
    paths = sides.base.keys() | sides.theirs.keys() | set(moved)
    return {path: sides.head[path] for path in paths if path in sides.head}
