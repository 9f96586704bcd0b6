"""Where a template's files are read from: a folder, or a revision of a git repository."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mlws_scaffold.errors import MlwsError
from mlws_scaffold.scaffold import bundle

if TYPE_CHECKING:
    from mlws_scaffold.adapters.git import Git

_MOST_BYTES = 50_000_000
_MODES = {"100644": 0o644, "100755": 0o755}


class BeyondRenderer(MlwsError):
    """The template asks for something that only Copier can do; the message says what."""


class Source(Protocol):
    """A template at rest. Paths are from its root, with `/`."""

    def files(self) -> Mapping[str, int]:
        """Every file with its mode."""

    def folders(self) -> frozenset[str]:
        """Every folder, also an empty one where the place can hold one."""

    def read(self, path: str) -> bytes:
        """What is in a file."""


class Folder:
    """A folder of this machine; caches of tools in it are no part of the template."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files: dict[str, int] = {}
        self._folders: set[str] = set()
        for part in bundle.PARTS:
            top = root / part
            if top.is_dir() and not top.is_symlink():
                self._walk(part)
            elif top.is_symlink():
                raise BeyondRenderer(f"{part} is a link")
            elif top.exists():
                self._files[part] = top.stat().st_mode & 0o777

    def files(self) -> Mapping[str, int]:
        return self._files

    def folders(self) -> frozenset[str]:
        return frozenset(self._folders)

    def read(self, path: str) -> bytes:
        with open(f"{self._root}/{path}", "rb") as file:  # noqa: PTH123 - a Path costs as much again
            return file.read()

    def _walk(self, inside: str) -> None:
        self._folders.add(inside)
        with os.scandir(f"{self._root}/{inside}") as entries:
            for entry in entries:
                path = f"{inside}/{entry.name}"
                if bundle.is_cache_name(entry.name):
                    continue
                if entry.is_symlink():
                    raise BeyondRenderer(f"{path} is a link")
                if entry.is_dir():
                    self._walk(path)
                else:
                    self._files[path] = entry.stat().st_mode & 0o777


class Revision:
    """One commit of the template, read by one `git cat-file --batch`; nothing is checked out."""

    def __init__(self, git: Git, commit: str) -> None:
        self._git = git
        self._files: dict[str, int] = {}
        self._oids: dict[str, str] = {}
        self._contents: dict[str, bytes] = {}
        listed = git.run("ls-tree", "-r", "-z", "--full-tree", commit, "--", *bundle.PARTS)
        for row in filter(None, listed.split("\0")):
            about, path = row.split("\t", 1)
            mode, _, oid = about.split()
            if mode not in _MODES:
                raise BeyondRenderer(f"{path} is a link or another repository")
            self._files[path], self._oids[path] = _MODES[mode], oid

    def files(self) -> Mapping[str, int]:
        return self._files

    def folders(self) -> frozenset[str]:
        return frozenset(above for path in self._files for above in above_of(path))

    def read(self, path: str) -> bytes:
        # A template is small and nearly all of it is read: all at once saves a process a file.
        if not self._contents:
            with self._git.objects() as objects:
                answers = objects.read(self._oids.values(), _MOST_BYTES)
                for name, found in zip(self._oids, answers, strict=True):
                    if found is None or found.content is None:
                        raise BeyondRenderer(f"{name} is not in the repository, or too large")
                    self._contents[name] = found.content
        return self._contents[path]


def above_of(path: str) -> Iterator[str]:
    """The folders that a path lies in, from the inside out."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
