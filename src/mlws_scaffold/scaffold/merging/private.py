"""A bare repository of our own beside the user's: it reads their objects and never writes there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters.git import Git, GitError

Entry = tuple[str, str]  # file mode and object id, as git names them
Files = Mapping[str, Entry]

FOLDER = "40000"
_MOST = 1 << 31
# What the merge must not depend on: the user's configuration, attributes and drivers.
_ALONE = (
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", os.devnull),
    ("GIT_CONFIG_COUNT", "0"),
    ("GIT_CONFIG_PARAMETERS", ""),
    ("GIT_ATTR_NOSYSTEM", "1"),
)
# `directoryRenames` on would move files that the team added, or raise conflicts about them.
_CONFIG = """\
[core]
\trepositoryformatversion = {version}
\tbare = true
\tattributesFile = /dev/null
[merge]
\tdirectoryRenames = false
\tconflictStyle = merge
\trenameLimit = 30000
[diff]
\trenameLimit = 30000
[gc]
\tauto = 0
[fastimport]
\tunpackLimit = 1000000
"""


def encoded(path: str) -> bytes:
    """A path as git has it: any bytes."""
    return path.encode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Parent:
    """What a commit of a stream follows: a mark of the stream, or a commit that exists."""

    name: str


class Stream:
    """What one `git fast-import` is to write."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._marks = 0

    def blob(self, content: bytes) -> None:
        """Write a file's content; it is named by its object id from then on."""
        self._parts += [b"blob\ndata %d\n" % len(content), content, b"\n"]

    def commit(
        self,
        reference: str,
        changes: Mapping[str, Entry | None],
        parent: Parent | None = None,
        *,
        author: str = "mlws <> 0 +0000",
        message: str = "",
    ) -> Parent:
        """Write a commit with `changes` on top of its parent; None removes a path."""
        self._marks += 1
        text = encoded(message)
        self._parts.append(f"commit {reference}\nmark :{self._marks}\n".encode())
        for role in ("author", "committer"):
            self._parts.append(encoded(f"{role} {author}\n"))
        self._parts += [b"data %d\n" % len(text), text, b"\n"]
        if parent is not None:
            self._parts.append(f"from {parent.name}\n".encode())
        # What goes, goes first: a file may stand where a folder comes.
        for path, entry in sorted(changes.items(), key=lambda row: row[1] is not None):
            where = _quoted(path)
            if entry is None:
                self._parts.append(b"D " + where + b"\n")
            else:
                self._parts.append(f"M {entry[0]} {entry[1]} ".encode() + where + b"\n")
        self._parts.append(b"\n")
        return Parent(f":{self._marks}")

    def content(self) -> bytes:
        return b"".join([*self._parts, b"done\n"])


@dataclass(frozen=True, slots=True)
class Private:
    """The repository. `form` is the name of its hash, which is that of the user's."""

    git: Git
    form: str

    def oid(self, content: bytes) -> str:
        """What git calls a file with this content."""
        return hashlib.new(self.form, b"blob %d\0" % len(content) + content).hexdigest()

    def write(self, stream: Stream) -> None:
        """Raises GitError with what fast-import said."""
        done = self.git.raw("fast-import", "--quiet", "--force", "--done", stdin=stream.content())
        if done.returncode:
            raise GitError(f"git fast-import failed: {_said(done.stderr)}")

    def head(self, reference: str) -> str:
        """The commit of a reference that was written here."""
        return (self.git.folder / reference).read_text().strip()

    def contents(self, oids: Iterable[str]) -> list[bytes]:
        """Objects whole. Raises GitError for one that neither repository has."""
        wanted = list(oids)
        with self.git.objects() as objects:
            found = list(objects.read(wanted, _MOST))
        missing = [oid for oid, one in zip(wanted, found, strict=True) if one is None]
        if missing:
            raise GitError(
                f"the repository lacks object {missing[0]}",
                "git fsck tells more; a partial clone must fetch its files first",
            )
        return [one.content or b"" for one in found if one is not None]

    def trees(self, oids: Iterable[str]) -> list[dict[str, Entry]]:
        """The files below each tree, by path: all trees of one depth in one question."""
        wanted = list(oids)
        found: list[dict[str, Entry]] = [{} for _ in wanted]
        open_trees = [(index, "", oid) for index, oid in enumerate(wanted)]
        with self.git.objects() as objects:
            while open_trees:
                read = objects.read([oid for _, _, oid in open_trees], _MOST)
                below = []
                for (index, inside, oid), one in zip(open_trees, list(read), strict=True):
                    if one is None or one.content is None:
                        raise GitError(f"the repository lacks tree {oid}")
                    for mode, name, entry in _rows(one.content, len(oid) // 2):
                        path = f"{inside}{name}"
                        if mode == FOLDER:
                            below.append((index, f"{path}/", entry))
                        else:
                            found[index][path] = (mode, entry)
                open_trees = below
        return found


def create(home: Path, objects: Path, form: str) -> Private:
    """Make the repository in `home`, by hand: `git init` would cost a process and copy hooks."""
    folder = home / "merge.git"
    for name in ("objects/info", "objects/pack", "refs/heads"):
        (folder / name).mkdir(parents=True)
    (folder / "HEAD").write_text("ref: refs/heads/none\n")
    (folder / "objects/info/alternates").write_bytes(os.fsencode(objects) + b"\n")
    config = _CONFIG.format(version=0 if form == "sha1" else 1)
    if form != "sha1":
        config += f"[extensions]\n\tobjectFormat = {form}\n"
    (folder / "config").write_text(config)
    where = (("GIT_DIR", str(folder)), ("GIT_ALTERNATE_OBJECT_DIRECTORIES", ""))
    return Private(Git(folder, environment=(*_ALONE, *where)), form)


def _rows(tree: bytes, size: int) -> Iterable[tuple[str, str, str]]:
    """Mode, name and object id of each row of a tree object."""
    at = 0
    while at < len(tree):
        space = tree.index(b" ", at)
        end = tree.index(b"\0", space)
        mode = tree[at:space].decode()
        name = tree[space + 1 : end].decode("utf-8", "surrogateescape")
        yield mode, name, tree[end + 1 : end + 1 + size].hex()
        at = end + 1 + size


def _quoted(path: str) -> bytes:
    raw = encoded(path)
    if b"\n" not in raw and not raw.startswith(b'"'):
        return raw
    escaped = raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"' + escaped + b'"'


def _said(errors: bytes) -> str:
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    return lines[0] if lines else "no word"
