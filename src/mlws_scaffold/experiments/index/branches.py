"""What every local and remote branch holds, read from git's objects: nothing is checked out.

One process answers for all trees and files, whatever the number of branches and experiments.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters.git import Git, Objects
from mlws_scaffold.errors import Problem
from mlws_scaffold.workspace.layout import ARCHIVE, EXPERIMENTS, METADATA

LEARNINGS = "docs/learnings"
README = "README.md"
_SETTINGS = ("core.quotePath=false", "log.showRoot=true", "log.showSignature=false")
_MOST_TREE = 64_000_000
_LINK = "120000"
_FOLDER = "40000"


@dataclass(frozen=True, slots=True)
class Repository:
    """The repository around a workspace. `prefix` leads from its top to the workspace."""

    git: Git
    common: Path
    prefix: str
    shallow: bool


@dataclass(frozen=True, slots=True)
class Tip:
    """A branch as people name it (`main`, `origin/main`), with its commit."""

    branch: str
    commit: str
    current: bool = False


@dataclass(frozen=True, slots=True)
class Version:
    """A folder or a learning as one or more branches have it; `branch` is the best of them."""

    path: str
    oid: str
    branch: str
    commit: str


@dataclass(frozen=True, slots=True)
class Files:
    """The two files of an experiment that the index reads. A link is named, never followed."""

    metadata: str = ""
    readme: str = ""
    link: bool = False


def repository(root: Path) -> Repository | None:
    """The repository that holds the workspace, or None. Raises Unavailable without git."""
    git = Git(root, _SETTINGS)
    done = git.attempt("rev-parse", "--is-shallow-repository", "--git-common-dir", "--show-prefix")
    lines = done.stdout.removesuffix("\n").split("\n")
    if done.returncode or len(lines) != 3:
        return None
    return Repository(git, (root / lines[1]).resolve(), lines[2], lines[0] == "true")


def tips(found: Repository) -> list[Tip]:
    """Every branch, a detached HEAD included. The first of two with one commit is the one shown."""
    form = "--format=%(objectname) %(HEAD) %(symref) %(refname)"
    out = found.git.run("for-each-ref", form, "refs/heads", "refs/remotes")
    known = []
    for line in out.splitlines():
        commit, _, rest = line.partition(" ")
        mark, (symref, _, name) = rest[0], rest[2:].partition(" ")
        if not symref:
            known.append(Tip(_short(name), commit, mark == "*"))
    if not any(tip.current for tip in known) and (head := found.git.commit_of("HEAD")):
        known.append(Tip("HEAD", head, True))
    return sorted(known, key=_preference)


def _short(name: str) -> str:
    return name.removeprefix("refs/heads/").removeprefix("refs/remotes/")


def _preference(tip: Tip) -> tuple[int, str]:
    """Of equal versions the one on main is named, then develop, then the shortest way to it."""
    order = {"main": 0, "develop": 1, "origin/main": 2, "origin/develop": 3}
    is_remote = tip.branch.startswith(("origin/", "upstream/"))
    return order.get(tip.branch, 5 if is_remote else 4), tip.branch


def versions(
    objects: Objects, prefix: str, known: Iterable[Tip]
) -> tuple[list[Version], list[Problem]]:
    """Every version of every experiment and learning, each once, and branches that are broken."""
    found: dict[tuple[str, str], Version] = {}
    problems = []
    seen: dict[str, str] = {}
    for tip in known:
        if tip.commit in seen:
            continue
        seen[tip.commit] = tip.branch
        homes = (EXPERIMENTS, ARCHIVE, LEARNINGS)
        names = [f"{tip.commit}^{{tree}}", *(f"{tip.commit}:{prefix}{home}" for home in homes)]
        root, *tops = objects.read(names, 0)
        if root is None:
            problem = Problem(tip.branch, "its commit is missing here", "git fetch", "")
            problems.append(problem)
        for home, top in zip(homes, tops, strict=True):
            if top is not None and top.kind == "tree" and (home, top.oid) not in found:
                found[home, top.oid] = Version(home, top.oid, tip.branch, tip.commit)
    homes_found = list(found.values())
    learnings = [version for version in homes_found if version.path == LEARNINGS]
    tracks = [version for version in homes_found if version.path != LEARNINGS]
    people = _below(objects, tracks, _FOLDER)
    notes = [item for item in _below(objects, learnings, "100") if item.path.endswith(".md")]
    return [*_below(objects, people, _FOLDER), *notes], problems


def files(objects: Objects, folders: list[str]) -> Iterator[Files]:
    """What lies in each of the folders, named by the oid of their trees."""
    for found in objects.read(folders, _MOST_TREE):
        entries = {name: (mode, oid) for mode, name, oid in _entries(found)}
        mode, metadata = entries.get(METADATA, ("", ""))
        readme_mode, readme = entries.get(README, ("", ""))
        yield Files(
            metadata if mode.startswith("100") else "",
            readme if readme_mode.startswith("100") else "",
            mode == _LINK,
        )


def boundary(found: Repository) -> frozenset[str]:
    """Commits whose parents a shallow clone lacks: what they seem to change is not theirs."""
    if not found.shallow:
        return frozenset()
    try:
        return frozenset((found.common / "shallow").read_text().split())
    except (OSError, UnicodeDecodeError):
        return frozenset()


def fingerprint(found: Repository, known: Iterable[Tip]) -> str:
    """Equal as long as no branch moved, came or went."""
    cut = ",".join(sorted(boundary(found)))
    lines = [f"{tip.commit} {tip.branch} {tip.current}" for tip in known]
    return f"{zlib.crc32(cut.encode())} {found.prefix}\n" + "\n".join(lines)


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
