"""What every local and remote branch holds, read from git's objects: nothing is checked out.

One process answers for all trees and files, whatever the number of branches and experiments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mlws_scaffold.adapters.git import Objects
from mlws_scaffold.errors import Problem
from mlws_scaffold.experiments.index import notes
from mlws_scaffold.experiments.index.refs import Tip
from mlws_scaffold.workspace.layout import (
    ARCHIVE,
    DOCS,
    EXPERIMENTS,
    HANDOFF,
    METADATA,
    README,
)

_MOST_TREE = 64_000_000
_LINK = "120000"
_FOLDER = "40000"
_FILE = "100"


@dataclass(frozen=True, slots=True)
class Version:
    """A folder or a page of `docs` as branches have it; `branch` is the best of them."""

    path: str
    oid: str
    branch: str
    commit: str


@dataclass(frozen=True, slots=True)
class Files:
    """The files of an experiment that the index reads. A link is named, never followed."""

    metadata: str = ""
    readme: str = ""
    handoff: str = ""
    link: bool = False


def versions(
    objects: Objects, prefix: str, known: Iterable[Tip]
) -> tuple[list[Version], list[Problem]]:
    """Every version of every experiment and page, each once, and branches that are broken."""
    found: dict[tuple[str, str], Version] = {}
    problems = []
    seen: dict[str, str] = {}
    for tip in known:
        if tip.commit in seen:
            continue
        seen[tip.commit] = tip.branch
        homes = (EXPERIMENTS, ARCHIVE, DOCS)
        names = [f"{tip.commit}^{{tree}}", *(f"{tip.commit}:{prefix}{home}" for home in homes)]
        root, *tops = objects.read(names, 0)
        if root is None:
            problem = Problem(tip.branch, "its commit is missing here", "git fetch", "")
            problems.append(problem)
        for home, top in zip(homes, tops, strict=True):
            if top is not None and top.kind == "tree" and (home, top.oid) not in found:
                found[home, top.oid] = Version(home, top.oid, tip.branch, tip.commit)
    homes_found = list(found.values())
    docs = [version for version in homes_found if version.path == DOCS]
    tracks = [version for version in homes_found if version.path != DOCS]
    people = _below(objects, tracks, _FOLDER)
    return [*_below(objects, people, _FOLDER), *_pages(objects, docs)], problems


def _pages(objects: Objects, docs: list[Version]) -> list[Version]:
    """The pages of the folders of `docs` that are searched, at most one folder further down."""
    homes = [item for item in _below(objects, docs, _FOLDER) if item.path in notes.KINDS]
    folders = [*homes, *_below(objects, homes, _FOLDER)]
    return [item for item in _below(objects, folders, _FILE) if notes.kind_of(item.path)]


def files(objects: Objects, folders: list[str]) -> Iterator[Files]:
    """What lies in each of the folders, named by the oid of their trees."""
    for found in objects.read(folders, _MOST_TREE):
        entries = {name: (mode, oid) for mode, name, oid in _entries(found)}
        mode, metadata = entries.get(METADATA, ("", ""))
        readme_mode, readme = entries.get(README, ("", ""))
        handoff_mode, handoff = entries.get(HANDOFF, ("", ""))
        yield Files(
            metadata if mode.startswith(_FILE) else "",
            readme if readme_mode.startswith(_FILE) else "",
            handoff if handoff_mode.startswith(_FILE) else "",
            mode == _LINK,
        )


def _below(objects: Objects, above: list[Version], mode: str) -> list[Version]:
    """One level further down, every pair of path and oid once."""
    found: dict[tuple[str, str], Version] = {}
    distinct = {(version.path, version.oid): version for version in reversed(above)}
    ordered = [version for version in above if distinct[version.path, version.oid] is version]
    trees = objects.read([version.oid for version in ordered], _MOST_TREE)
    for version, tree in zip(ordered, trees, strict=True):
        for kind, name, oid in _entries(tree):
            path = f"{version.path}/{name}"
            if kind.startswith(mode) and name[0] not in "._" and (path, oid) not in found:
                found[path, oid] = Version(path, oid, version.branch, version.commit)
    return list(found.values())


def _entries(tree: object) -> Iterator[tuple[str, str, str]]:
    """Mode, name and oid of each entry of a tree as git stores it."""
    data = getattr(tree, "content", None) or b""
    width = len(getattr(tree, "oid", "")) // 2
    at = 0
    while at < len(data):
        end = data.index(b"\0", at)
        mode, _, name = data[at:end].partition(b" ")
        at = end + 1 + width
        yield mode.decode(), name.decode("utf-8", "replace"), data[end + 1 : at].hex()
