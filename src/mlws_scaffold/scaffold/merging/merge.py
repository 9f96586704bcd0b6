"""One merge per project, and what the rules make of its conflicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mlws_scaffold.adapters.git import GitError
from mlws_scaffold.scaffold.merging import endings, moves
from mlws_scaffold.scaffold.merging.blobs import Blobs
from mlws_scaffold.scaffold.merging.private import Entry, Files, Private, Stream
from mlws_scaffold.scaffold.merging.sides import Sides

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
    moved: Mapping[str, str] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What `git merge-tree` said of one project."""

    tree: str
    stages: Mapping[str, Stages]
    renamed_twice: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Case:
    """One project on its way through the merge."""

    sides: Sides
    moved: Mapping[str, str]
    slug: str
    label: str

    @property
    def base(self) -> str:
        return f"refs/heads/base/{self.slug}"

    # Branch names become the labels of conflicts: they say what the reader should know.
    @property
    def yours(self) -> str:
        return f"yours/{self.slug}"

    @property
    def template(self) -> str:
        return f"{self.label}/{self.slug}"


def merge(blobs: Blobs, all_sides: Sequence[Sides], labels: Sequence[str]) -> list[Merged]:
    """Merge every project. `labels` name the template's side in conflict markers."""
    done = {index: merged for index, sides in enumerate(all_sides)
            if (merged := _fast_forward(sides)) is not None}  # fmt: skip
    rest = [index for index in range(len(all_sides)) if index not in done]
    _store(blobs, all_sides, rest)
    if rest:
        chosen = [all_sides[index] for index in rest]
        names = [labels[index] for index in rest]
        done.update(zip(rest, _merge_all(blobs.private, chosen, names), strict=True))
    return [done[index] for index in range(len(all_sides))]


def _merge_all(private: Private, chosen: Sequence[Sides], labels: Sequence[str]) -> list[Merged]:
    moved = moves.find(private, chosen)
    slugs = _slugs(chosen)
    cases = list(map(_Case, chosen, moved, slugs, labels))
    stream = Stream()
    for case in cases:
        sides = case.sides
        base = stream.commit(case.base, sides.base)
        mine = moves.masked(sides, case.moved.values())
        stream.commit(f"refs/heads/{case.yours}", _changes(sides.base, mine), base)
        stream.commit(f"refs/heads/{case.template}", _changes(sides.base, sides.theirs), base)
    private.write(stream)
    answers = [_merge_tree(private, case) for case in cases]
    trees = private.trees([answer.tree for answer in answers])
    judged = [
        _judged(private, case, answer, tree)
        for case, answer, tree in zip(cases, answers, trees, strict=True)
    ]
    endings.retry(private, [(merged.result, merged.conflicts) for merged in judged])
    return judged


def _fast_forward(sides: Sides) -> Merged | None:
    """The result where the team touched nothing that the template gives, else None."""
    if sides.base == sides.theirs:
        return Merged(dict(sides.head))
    untouched = all(sides.head.get(path) == entry for path, entry in sides.base.items())
    if not untouched or (sides.theirs.keys() - sides.base.keys()) & sides.head.keys():
        return None
    own = {path: entry for path, entry in sides.head.items() if path not in sides.base}
    return Merged({**own, **sides.theirs})


def _store(blobs: Blobs, all_sides: Sequence[Sides], merged: Sequence[int]) -> None:
    """Write the contents that the merges and the results need and no repository has yet."""
    wanted: dict[str, None] = {}
    for index, sides in enumerate(all_sides):
        here = {entry[1] for entry in sides.head.values()}
        parts = [sides.base, sides.theirs] if index in merged else [sides.theirs]
        for files in parts:
            wanted.update(dict.fromkeys(oid for _, oid in files.values() if oid not in here))
    stream = Stream()
    fresh = [oid for oid in wanted if oid in blobs.contents]
    for oid in fresh:
        stream.blob(blobs.contents[oid])
    if fresh:
        blobs.private.write(stream)


def _merge_tree(private: Private, case: _Case) -> _Answer:
    done = private.git.raw(
        "merge-tree", "--write-tree", "-z", "--messages", case.yours, case.template
    )
    said = done.stderr.decode("utf-8", "replace").strip()
    if done.returncode not in (0, 1) or said:
        raise GitError(
            f"{case.sides.project.name}: git merge-tree: {said or done.returncode}",
            "too many files were moved at once: update in two steps with --to"
            if "rename detection was skipped" in said
            else "",
        )
    fields = [part.decode("utf-8", "surrogateescape") for part in done.stdout.split(b"\0")]
    stages: dict[str, dict[int, Entry]] = {}
    at = 1
    while at < len(fields) and fields[at]:
        about, _, path = fields[at].partition("\t")
        mode, oid, stage = about.split()
        stages.setdefault(path, {})[int(stage)] = (mode, oid)
        at += 1
    return _Answer(fields[0].strip(), stages, frozenset(_renamed_twice(fields[at + 1 :])))


def _renamed_twice(fields: Sequence[str]) -> Iterator[str]:
    """Paths that both sides renamed, from the messages: count, paths, type, text."""
    at = 0
    while at < len(fields) and fields[at].isdigit():
        count = int(fields[at])
        paths, kind = fields[at + 1 : at + 1 + count], fields[at + 1 + count]
        if "rename/rename" in kind:
            yield from paths
        at += count + 3


def _judged(private: Private, case: _Case, answer: _Answer, tree: Files) -> Merged:
    sides = case.sides
    mask = moves.masked(sides, case.moved.values())
    own = {path: entry for path, entry in sides.head.items() if path not in mask}
    merged = Merged({**own, **tree}, moved=case.moved)
    for path, stages in sorted(answer.stages.items()):
        numbers = set(stages)
        if path not in answer.renamed_twice and numbers == {1, 3}:
            merged.result.pop(path, None)
            merged.kept_deleted.append(path)
        elif path not in answer.renamed_twice and numbers == {1, 2}:
            merged.result[path] = stages[2]
            merged.kept.append(path)
        else:
            merged.conflicts[path] = stages
    merged.renamed = _carried(private, case, merged)
    for path in _lost(sides, merged):
        merged.result[path] = sides.head[path]
        merged.kept.append(path)
    return merged


def _carried(private: Private, case: _Case, merged: Merged) -> dict[str, str]:
    """Files with edits that the template renamed: old path to new."""
    sides = case.sides
    gone = {path for path in sides.base.keys() & sides.head.keys() - sides.theirs.keys()
            if sides.edited(path) and path not in merged.result}  # fmt: skip
    if not gone:
        return {}
    pairs = moves.renames(private, case.base, f"refs/heads/{case.template}", "50%")
    return {old: new for old, new in pairs.items() if old in gone and new in merged.result}


def _lost(sides: Sides, merged: Merged) -> list[str]:
    """Edited files that are nowhere in the result: never expected, and never let happen."""
    followed = merged.renamed.keys() | merged.conflicts.keys()
    return [
        path
        for path in sides.head
        if path not in merged.result and path not in followed and sides.edited(path)
        and not (path in sides.base and sides.head[path] == sides.theirs.get(path))
    ]  # fmt: skip


def _changes(before: Files, after: Files) -> dict[str, Entry | None]:
    found: dict[str, Entry | None] = {path: None for path in before if path not in after}
    return found | {path: entry for path, entry in after.items() if before.get(path) != entry}


def _slugs(chosen: Sequence[Sides]) -> list[str]:
    """Each project's folder as part of a branch name, which git allows fewer signs than a path."""
    found: list[str] = []
    for sides in chosen:
        folder = sides.prefix or "workspace"
        slug = "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in folder)
        found.append(f"{slug}-{len(found)}" if slug in found else slug)
    return found
