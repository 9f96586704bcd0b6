"""What lies in the repository while an update is being applied, so that it can be taken back.

The journal is one folder in git's own. It is renamed into place complete and durable before the
first file of the work tree is touched, and renamed away when nothing needs it any more.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mlws_scaffold.adapters import files
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.scaffold.merging.private import Entry
from mlws_scaffold.scaffold.updates.readiness import Repository

FOLDER = "mlws-update"
_MANIFEST, _INDEX, _APPLIED = "manifest.json", "index", "applied"


@dataclass(frozen=True, slots=True)
class Kept:
    """One path before the update, from the top of the repository. `file` is where its bytes are
    (empty: it was absent or a link), `mode` and `mtime` those of the disk, `before` and `after`
    what git has of it in HEAD and in the update.
    """

    path: str
    file: str
    link: str
    mode: int
    mtime: int
    before: Entry | None
    after: Entry | None

    @property
    def absent(self) -> bool:
        return not self.file and not self.link


@dataclass(frozen=True, slots=True)
class Journal:
    """An update on its way. `reference` is HEAD's branch (empty: detached) before it; `branch` the
    one it makes (empty: it goes onto the current one); `commit` holds it, with markers in it.
    """

    head: str
    reference: str
    branch: str
    commit: str
    title: str
    conflicts: tuple[str, ...]
    stages: Mapping[str, Mapping[int, Entry]]
    paths: tuple[Kept, ...]
    folders: tuple[str, ...]  # that were not there before


def place(repository: Repository) -> Path:
    return repository.folder / FOLDER


def exists(folder: Path) -> bool:
    """Whether an update is on its way, in git's folder `folder`."""
    return (folder / FOLDER).is_dir()


def refuse_unfinished(folder: Path) -> None:
    """Raises MlwsError when an update is on its way, in git's folder `folder`."""
    if exists(folder):
        raise MlwsError(
            "an update is not finished here",
            "resolve its conflicts, git add them, mlws update --continue; to give up: mlws update"
            " --abort",
        )


def write(repository: Repository, journal: Journal, contents: Mapping[str, bytes]) -> None:
    """Put the journal, the index and the bytes of all files in place, durably and at once."""
    scratch = Path(tempfile.mkdtemp(dir=repository.folder, prefix=f"{FOLDER}.new-"))
    try:
        for name, content in contents.items():
            _durable(scratch / name, content)
        index = repository.folder / _INDEX
        _durable(scratch / _INDEX, index.read_bytes())
        _durable(scratch / _MANIFEST, json.dumps(asdict(journal)).encode())
        _sync(scratch)
        scratch.rename(place(repository))
        _sync(repository.folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def read(repository: Repository) -> Journal:
    """The journal that is in place."""
    data = json.loads((place(repository) / _MANIFEST).read_text())
    stages = {path: {int(number): _entry(entry) for number, entry in found.items()}
              for path, found in data["stages"].items()}  # fmt: skip
    paths = [Kept(**{**row, "before": _maybe(row["before"]), "after": _maybe(row["after"])})
             for row in data["paths"]]  # fmt: skip
    lists = {name: tuple(data[name]) for name in ("conflicts", "folders")}
    return Journal(**{**data, **lists, "stages": stages, "paths": tuple(paths)})


def bytes_of(repository: Repository, kept: Kept) -> bytes:
    return (place(repository) / kept.file).read_bytes()


def index_of(repository: Repository) -> Path:
    """Where the index as it was before the update is kept."""
    return place(repository) / _INDEX


def mark_applied(repository: Repository) -> None:
    """From here on every file of the work tree is as the update leaves it."""
    files.write(place(repository) / _APPLIED, b"")


def is_applied(repository: Repository) -> bool:
    return (place(repository) / _APPLIED).exists()


def remove(repository: Repository) -> None:
    """Rename the journal away, then delete it: it is there or it is not."""
    gone = Path(tempfile.mkdtemp(dir=repository.folder, prefix=f"{FOLDER}.old-"))
    place(repository).rename(gone / FOLDER)
    _sync(repository.folder)
    shutil.rmtree(gone, ignore_errors=True)
    sweep(repository)


def sweep(repository: Repository) -> None:
    """Delete what a killed update left beside the journal."""
    for left in repository.folder.glob(f"{FOLDER}.*"):
        shutil.rmtree(left, ignore_errors=True)


def keep(
    repository: Repository, entries: Mapping[str, Entry | None], before: Mapping[str, Entry]
) -> tuple[list[Kept], dict[str, bytes]]:
    """What the work tree holds of each path now."""
    found: list[Kept] = []
    contents: dict[str, bytes] = {}
    for number, (path, after) in enumerate(sorted(entries.items())):
        where, name, link, mode, mtime = repository.top / path, "", "", 0, 0
        if where.is_symlink():
            link = str(where.readlink())
        elif where.is_file():
            name = f"file-{number}"
            contents[name] = where.read_bytes()
            status = where.stat()
            mode, mtime = status.st_mode & 0o7777, status.st_mtime_ns
        found.append(Kept(path, name, link, mode, mtime, before.get(path), after))
    return found, contents


def missing_folders(top: Path, paths: Iterable[str]) -> list[str]:
    """Folders above the paths that are not there, the outer ones first."""
    above = {path[:at] for path in paths for at, sign in enumerate(path) if sign == "/"}
    return sorted(folder for folder in above if not (top / folder).is_dir())


def _entry(data: Sequence[str]) -> Entry:
    return data[0], data[1]


def _maybe(data: Sequence[str] | None) -> Entry | None:
    return None if data is None else _entry(data)


def _durable(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
