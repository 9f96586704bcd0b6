"""One merge per project, and what the rules make of its conflicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mlws_scaffold.adapters.git import GitError
from mlws_scaffold.scaffold.merging import endings, moves
from mlws_scaffold.scaffold.merging.blobs import Blobs
from mlws_scaffold.scaffold.merging.moves import Moves
from mlws_scaffold.scaffold.merging.private import Entry, Private, Stream
from mlws_scaffold.scaffold.merging.sides import Sides
from mlws_scaffold.scaffold.merging.trios import Trio, match

Stages = Mapping[int, Entry]


@dataclass(slots=True)
class Merged:
    """A project merged. Paths are from its folder."""

    result: dict[str, Entry]
    conflicts: dict[str, Stages] = field(default_factory=dict)
    # Changed by the template, deleted by the team; and the other way round.
    kept_deleted: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    # By the team, and by the template with the team's edits carried along: old path to new.
    moved: dict[str, str] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    # What only git can merge.
    rest: list[Trio] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What `git merge-tree` said of one project."""

    tree: str
    stages: Mapping[str, Stages]


def merge(blobs: Blobs, all_sides: Sequence[Sides], labels: Sequence[str]) -> list[Merged]:
    """Merge every project. `labels` name the template's side in conflict markers."""
    plain = [_is_plain(sides) for sides in all_sides]
    _store(blobs, all_sides, plain)
    looked = [sides for sides, one in zip(all_sides, plain, strict=True) if not one]
    found = iter(moves.find(blobs.private, looked))
    merged = [
        _judged(sides, Moves() if one else next(found))
        for sides, one in zip(all_sides, plain, strict=True)
    ]
    _merge_rest(blobs.private, all_sides, labels, merged)
    return merged


def _is_plain(sides: Sides) -> bool:
    """Whether the team has every file as the template gave it."""
    return all(sides.head.get(path) == entry for path, entry in sides.base.items())


def _judged(sides: Sides, found: Moves) -> Merged:
    """Everything that is plain; the rest is left to git."""
    trios = list(match(sides, found))
    used = {trio.here for trio in trios}
    merged = Merged({path: entry for path, entry in sides.head.items() if path not in used})
    for trio in trios:
        _place(merged, trio)
        if trio.moved:
            merged.moved[trio.old] = trio.path
        elif trio.here == trio.old != trio.path and trio.ours != trio.base:
            merged.renamed[trio.old] = trio.path
    return merged


def _place(merged: Merged, trio: Trio) -> None:
    verdict = trio.verdict
    entry = trio.theirs if verdict == "theirs" else trio.ours
    if verdict == "kept deleted":
        merged.kept_deleted.append(trio.path)
    elif verdict == "kept":
        merged.kept.append(trio.path)
    elif verdict == "merge":
        merged.rest.append(trio)
    elif verdict == "renamed twice":
        sides = (
            (trio.old, 1, trio.base),
            (trio.path, 2, trio.ours),
            (trio.elsewhere, 3, trio.theirs),
        )
        for path, number, one in sides:
            if one is not None:
                merged.conflicts[path] = {number: one}
        if trio.theirs is not None:
            merged.result[trio.elsewhere] = trio.theirs
    if entry is not None:
        merged.result[trio.path] = entry


def _merge_rest(
    private: Private, all_sides: Sequence[Sides], labels: Sequence[str], merged: Sequence[Merged]
) -> None:
    """Let git merge what both sides changed: one merge per project, written in one go."""
    cases = [index for index, one in enumerate(merged) if one.rest]
    if not cases:
        return
    slugs = _slugs([all_sides[index] for index in cases])
    # Branch names become the labels of conflicts: they say what the reader should know.
    names = [(f"yours/{slug}", f"{labels[index]}/{slug}")
             for index, slug in zip(cases, slugs, strict=True)]  # fmt: skip
    stream = Stream()
    for index, slug, (yours, template) in zip(cases, slugs, names, strict=True):
        rest = merged[index].rest
        base = _files((trio.path, trio.base) for trio in rest)
        parent = stream.commit(f"refs/heads/base/{slug}", base)
        for name, files in (
            (yours, _files((trio.path, trio.ours) for trio in rest)),
            (template, _files((trio.path, trio.theirs) for trio in rest)),
        ):
            stream.commit(f"refs/heads/{name}", files, parent)
    private.write(stream)
    answers = [_merge_tree(private, *pair) for pair in names]
    trees = private.trees([answer.tree for answer in answers])
    for index, answer, tree in zip(cases, answers, trees, strict=True):
        one = merged[index]
        # A path that git parked under another name stays where the team had it.
        one.result.update(
            {trio.path: tree.get(trio.path, one.result[trio.path]) for trio in one.rest}
        )
        one.conflicts.update(_stages(one, answer))
    endings.retry(private, [(merged[index].result, merged[index].conflicts) for index in cases])


def _stages(merged: Merged, answer: _Answer) -> dict[str, Stages]:
    """The sides of every path in conflict, under the path that both had."""
    found: dict[str, Stages] = {}
    known = {trio.path: trio for trio in merged.rest}
    for path in answer.stages:
        trio = known.get(path) or next(
            (one for name, one in known.items() if path.startswith(f"{name}~")), None
        )
        if trio is None:
            raise GitError(f"git merge-tree made a conflict of its own: {path}")
        sides = ((1, trio.base), (2, trio.ours), (3, trio.theirs))
        found[trio.path] = {number: entry for number, entry in sides if entry is not None}
    return found


def _files(pairs: Iterable[tuple[str, Entry | None]]) -> dict[str, Entry]:
    return {path: entry for path, entry in pairs if entry is not None}


def _store(blobs: Blobs, all_sides: Sequence[Sides], plain: Sequence[bool]) -> None:
    """Write the contents that the merges and the results need and no repository has yet."""
    wanted: dict[str, None] = {}
    for sides, one in zip(all_sides, plain, strict=True):
        here = {entry[1] for entry in sides.head.values()}
        for files in [sides.theirs] if one else [sides.base, sides.theirs]:
            wanted.update(dict.fromkeys(oid for _, oid in files.values() if oid not in here))
    stream = Stream()
    fresh = [oid for oid in wanted if oid in blobs.contents]
    for oid in fresh:
        stream.blob(blobs.contents[oid])
    if fresh:
        blobs.private.write(stream)


def _merge_tree(private: Private, yours: str, template: str) -> _Answer:
    done = private.git.raw("merge-tree", "--write-tree", "-z", "--no-messages", yours, template)
    said = done.stderr.decode("utf-8", "replace").strip()
    if done.returncode not in (0, 1) or said:
        raise GitError(f"git merge-tree {yours}: {said or done.returncode}")
    fields = [part.decode("utf-8", "surrogateescape") for part in done.stdout.split(b"\0")]
    stages: dict[str, dict[int, Entry]] = {}
    for row in filter(None, fields[1:]):
        about, _, path = row.partition("\t")
        mode, oid, stage = about.split()
        stages.setdefault(path, {})[int(stage)] = (mode, oid)
    return _Answer(fields[0].strip(), stages)


def _slugs(chosen: Sequence[Sides]) -> list[str]:
    """Each project's folder as part of a branch name, which git allows fewer signs than a path."""
    found: list[str] = []
    for sides in chosen:
        folder = sides.prefix or "workspace"
        slug = "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in folder)
        found.append(f"{slug}-{len(found)}" if slug in found else slug)
    return found
