"""Rendered files as git would store them: what `git add` does to a file is done to them too.

Most files are stored as they are. Where an attribute or a setting may change one (line endings, a
filter), git itself is asked, with the attributes of the last commit, and only for such files.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlws_scaffold.adapters.git import Git, GitError
from mlws_scaffold.scaffold.merging.private import Entry, Private
from mlws_scaffold.scaffold.merging.templates import LINK

ATTRIBUTES = ".gitattributes"
_CHANGING = (b"filter", b"working-tree-encoding", b"ident", b"[attr]")


@dataclass(slots=True)
class Blobs:
    """Contents by object id, waiting to be written into the private repository."""

    private: Private
    folder: Path  # the user's own git folder: its settings and filters count
    attributes: Mapping[str, bytes]  # the `.gitattributes` files of HEAD, by path
    objects: Path  # where the user's objects are
    contents: dict[str, bytes] = field(default_factory=dict)

    def entries(
        self, prefix: str, files: Mapping[str, tuple[bytes, str]], home: Path
    ) -> dict[str, Entry]:
        """The files as git stores them below `prefix`. `home` is scratch and must not exist."""
        asked = {
            path: content
            for path, (content, mode) in files.items()
            if mode != LINK and self._may_change(content)
        }
        cleaned = self._cleaned(prefix, asked, home) if asked else {}
        found = {}
        for path, (content, mode) in files.items():
            oid = cleaned.get(path)
            if oid is None:
                oid = self.private.oid(content)
                self.contents[oid] = content
            found[path] = (mode, oid)
        return found

    def _may_change(self, content: bytes) -> bool:
        if b"\r" in content:
            return True
        return any(word in text for text in self.attributes.values() for word in _CHANGING)

    def _cleaned(self, prefix: str, files: Mapping[str, bytes], home: Path) -> dict[str, str]:
        """Object ids of files written out and hashed by git, stored in the private repository."""
        home.mkdir()
        for path, content in self.attributes.items():
            _put(home / path, content)
        for path, content in files.items():
            # The project's own attributes count as HEAD has them, or as nothing.
            if path.rpartition("/")[2] != ATTRIBUTES:
                _put(home / prefix / path, content)
        paths = [path for path in files if path.rpartition("/")[2] != ATTRIBUTES]
        names = "".join(f"{prefix}/{path}\n" if prefix else f"{path}\n" for path in paths)
        git = Git(
            home,
            environment=(
                ("GIT_DIR", str(self.folder)),
                ("GIT_WORK_TREE", str(home)),
                ("GIT_INDEX_FILE", os.devnull),
                ("GIT_OBJECT_DIRECTORY", str(self.private.git.folder / "objects")),
                ("GIT_ALTERNATE_OBJECT_DIRECTORIES", str(self.objects)),
            ),
        )
        done = git.raw(
            "-c", "core.safecrlf=false", "hash-object", "-w", "--stdin-paths",
            stdin=names.encode("utf-8", "surrogateescape"),
        )  # fmt: skip
        if done.returncode:
            raise GitError(f"git hash-object failed: {done.stderr.decode('utf-8', 'replace')}")
        return dict(zip(paths, done.stdout.decode().split(), strict=True))


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
