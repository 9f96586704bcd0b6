"""Ends an update that is on its way: takes it back, or makes its commit once it is resolved."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.scaffold.merging.private import Entry
from mlws_scaffold.scaffold.updates import applying, journal, readiness
from mlws_scaffold.scaffold.updates.applying import REFERENCE, alone, undisturbed
from mlws_scaffold.scaffold.updates.journal import Journal, Kept
from mlws_scaffold.scaffold.updates.readiness import Repository

_MARKER = b"<<<<<<< yours/"


def abort(root: Path, *, force: bool = False) -> int:
    """Put everything back as it was before the update; how many files there were.

    Raises MlwsError that names what was edited since and would be overwritten, unless `force`.
    """
    repository = _unfinished(root)
    with alone(repository), undisturbed():
        entry = journal.read(repository)
        _refuse_moved(repository, entry)
        if not force:
            _refuse_edited(repository, entry)
        _restore(repository, entry)
        journal.remove(repository)
    return len(entry.paths)


def resume(root: Path) -> str:
    """Finish the update: the commit that holds it. Raises MlwsError for what is unresolved."""
    repository = _unfinished(root)
    with alone(repository), undisturbed():
        entry = journal.read(repository)
        if not journal.is_applied(repository):
            # Killed on the way: back to the beginning, and the same once more.
            _refuse_edited(repository, entry)
            _restore(repository, entry)
            # Files that were put back have new inodes: without this git would not touch them.
            repository.git.attempt("update-index", "-q", "--refresh")
            applying.carry_out(repository, entry)
            if entry.conflicts:
                raise _unresolved(list(entry.conflicts))
            return entry.commit
        git = repository.git
        if not entry.conflicts:
            if repository.head != entry.commit:
                git.run("update-ref", "-m", entry.title, "HEAD", entry.commit, entry.head)
            journal.remove(repository)
            return entry.commit
        if repository.head != entry.head:
            return _committed(repository)
        _conflicts_staged(repository, entry)
        _refuse_unresolved(git, entry)
        commit = _commit(repository, entry)
        git.run("update-ref", "-m", entry.title, "HEAD", commit, entry.head)
        (repository.folder / "MERGE_MSG").unlink(missing_ok=True)
        journal.remove(repository)
        return commit


def _unfinished(root: Path) -> Repository:
    repository = readiness.repository(Git(root))
    if not journal.exists(repository.folder):
        raise MlwsError("no update is on its way here", "mlws update begins one")
    return repository


def _committed(repository: Repository) -> str:
    """A person made the commit with git: it counts when nothing is left unmerged."""
    left = repository.git.unmerged()
    if left:
        raise _unresolved(left)
    journal.remove(repository)
    return repository.head


def _unresolved(names: list[str]) -> MlwsError:
    return MlwsError(
        f"not resolved yet:\n{readiness.listed(names)}",
        "edit each, git add it, and run mlws update --continue again",
    )


def _conflicts_staged(repository: Repository, entry: Journal) -> None:
    """Finish what a kill between the files and the index left open."""
    git = repository.git
    onto = f"{REFERENCE}{entry.branch}" if entry.branch else entry.reference
    if git.attempt("symbolic-ref", "--quiet", "HEAD").stdout.strip() != onto:
        git.attempt("update-ref", onto, entry.head, "0" * len(entry.head))
        git.run("symbolic-ref", "HEAD", onto)


def _refuse_unresolved(git: Git, entry: Journal) -> None:
    names = git.unmerged()
    if not names:
        done = git.raw("grep", "--cached", "-l", "-z", "-F", "-e", _MARKER.decode(), "--",
                         *(f":(top,literal){path}" for path in entry.conflicts))  # fmt: skip
        found = done.stdout.decode("utf-8", "surrogateescape").split("\0")
        names = [name for name in found if name]
    if names:
        raise _unresolved(names)


def _commit(repository: Repository, entry: Journal) -> str:
    """The commit of the index, without what a person had staged before the update."""
    ours = {kept.path for kept in entry.paths}
    before = _rows(repository, journal.index_of(repository))
    now = _rows(repository, repository.folder / "index")
    listing = readiness.listing(repository)
    others = (before.keys() | now.keys() | listing.keys()) - ours
    foreign = {
        path
        for path in others
        if before.get(path) != listing.get(path) and now.get(path) == before.get(path)
    }
    with tempfile.TemporaryDirectory(prefix="mlws-index-") as name:
        index = Path(name) / "index"
        shutil.copyfile(repository.folder / "index", index)
        alone_git = Git(repository.top, environment=(("GIT_INDEX_FILE", str(index)),))
        if foreign:
            applying.stage(
                alone_git, [_row(path, listing.get(path), entry.head) for path in foreign]
            )
        tree = alone_git.run("write-tree")
    author, _ = readiness.author(repository)
    who, _, mail = author.partition(" <")
    names = [(f"GIT_{role}_{what}", value) for role in ("AUTHOR", "COMMITTER")
             for what, value in (("NAME", who), ("EMAIL", mail.partition(">")[0]))]  # fmt: skip
    signing = Git(repository.top, environment=tuple(names))
    return signing.run("commit-tree", tree, "-p", entry.head, "-m", entry.title)


def _row(path: str, entry: Entry | None, head: str) -> str:
    return f"{entry[0]} {entry[1]} 0\t{path}" if entry else f"0 {'0' * len(head)}\t{path}"


def _rows(repository: Repository, index: Path) -> dict[str, Entry]:
    git = Git(repository.top, environment=(("GIT_INDEX_FILE", str(index)),))
    done = git.raw("ls-files", "--stage", "-z")
    found: dict[str, Entry] = {}
    for line in done.stdout.decode("utf-8", "surrogateescape").split("\0"):
        about, _, path = line.partition("\t")
        if path:
            mode, oid, stage = about.split()
            found[path] = (mode, oid) if stage == "0" else (mode, f"{oid} {stage}")
    return found


def _refuse_moved(repository: Repository, entry: Journal) -> None:
    """Raises MlwsError when a commit was made since: taking the update back would hide it."""
    if repository.head not in (entry.head, entry.commit):
        raise MlwsError(
            "something was committed since the update began",
            "to keep it: mlws update --continue; to undo it: git revert",
        )


def _refuse_edited(repository: Repository, entry: Journal) -> None:
    edited = [kept.path for kept in entry.paths if not _is_ours(repository, kept)]
    if edited:
        raise MlwsError(
            f"edited since the update began:\n{readiness.listed(edited)}",
            "copy them elsewhere if you need them, then mlws update --abort --force",
        )


def _is_ours(repository: Repository, kept: Kept) -> bool:
    """Whether a file is as it was before the update, or as the update made it."""
    where = repository.top / kept.path
    if where.is_symlink():
        link = str(where.readlink())
        return link == kept.link or _is_blob(repository, kept.after, os.fsencode(link))
    if where.is_dir():
        return kept.absent or kept.after is None
    if not where.exists():
        gone = kept.absent or kept.after is None
        # Killed between taking the old file away and writing the new one.
        return gone or not journal.is_applied(repository)
    content = where.read_bytes()
    if kept.file and content == journal.bytes_of(repository, kept):
        return True
    if kept.after is None:
        return False
    if _hashed(repository, kept.path) == _written(kept):
        return True
    if journal.is_applied(repository):
        return False
    # Killed while git wrote it: a beginning of what it was to become.
    whole = repository.git.raw("cat-file", "--filters", f"--path={kept.path}", kept.after[1])
    return whole.stdout.startswith(content)


def _written(kept: Kept) -> str:
    return kept.after[1] if kept.after else ""


def _hashed(repository: Repository, path: str) -> str:
    done = repository.git.raw(
        "hash-object", "--stdin-paths", stdin=path.encode("utf-8", "surrogateescape") + b"\n"
    )
    return done.stdout.decode().strip()


def _is_blob(repository: Repository, entry: Entry | None, content: bytes) -> bool:
    return entry is not None and (
        repository.git.raw("cat-file", "blob", entry[1]).stdout == content
    )


def _restore(repository: Repository, entry: Journal) -> None:
    """Idempotent: killed anywhere in here and run again, it ends the same."""
    (repository.folder / "index.lock").unlink(missing_ok=True)
    foreign = _foreign(repository, entry)
    top = repository.top
    # First everything that was not there goes: a file cannot come back where a folder stands.
    for kept in entry.paths:
        where = top / kept.path
        if kept.absent and (where.is_symlink() or where.is_file()):
            where.unlink()
    for folder in reversed(entry.folders):
        with contextlib.suppress(OSError):
            (top / folder).rmdir()
    for kept in entry.paths:
        if not kept.absent:
            _put_back(repository, kept)
    git = repository.git
    _names_back(git, entry)
    _index_back(repository, entry, foreign)
    (repository.folder / "MERGE_MSG").unlink(missing_ok=True)


def _put_back(repository: Repository, kept: Kept) -> None:
    where = repository.top / kept.path
    if kept.link:
        if not (where.is_symlink() and str(where.readlink()) == kept.link):
            where.unlink(missing_ok=True)
            where.parent.mkdir(parents=True, exist_ok=True)
            where.symlink_to(kept.link)
        return
    content = journal.bytes_of(repository, kept)
    if where.is_symlink() or not where.is_file() or where.read_bytes() != content:
        where.parent.mkdir(parents=True, exist_ok=True)
        # One name for it: killed in here and run again, nothing of it is left.
        aside = where.with_name(f".mlws-{kept.file}")
        aside.write_bytes(content)
        aside.replace(where)
    if stat.S_IMODE(where.stat().st_mode) != kept.mode:
        where.chmod(kept.mode)
    os.utime(where, ns=(kept.mtime, kept.mtime))


def _names_back(git: Git, entry: Journal) -> None:
    """HEAD and its branch; each step fails when somebody moved it since."""
    if entry.branch and entry.reference:
        git.run("symbolic-ref", "HEAD", entry.reference)
    elif entry.branch:
        git.run("update-ref", "--no-deref", "HEAD", entry.head)
    elif git.commit_of("HEAD") == entry.commit:
        git.run("update-ref", "HEAD", entry.head, entry.commit)
    if entry.branch and git.commit_of(f"{REFERENCE}{entry.branch}") == entry.head:
        git.run("update-ref", "-d", f"{REFERENCE}{entry.branch}", entry.head)


def _foreign(repository: Repository, entry: Journal) -> bool:
    """Whether something else was staged since the update began."""
    ours = {kept.path for kept in entry.paths}
    kept_rows = _rows(repository, journal.index_of(repository))
    now = _rows(repository, repository.folder / "index")
    return _others(kept_rows, ours) != _others(now, ours)


def _others(rows: Mapping[str, Entry], ours: set[str]) -> dict[str, Entry]:
    return {path: row for path, row in rows.items() if path not in ours}


def _index_back(repository: Repository, entry: Journal, foreign: bool) -> None:
    """The index byte for byte, or only our rows of it where a person staged others since."""
    saved = journal.index_of(repository)
    if not foreign:
        index = repository.folder / "index"
        aside = index.with_name("index.mlws")
        aside.write_bytes(saved.read_bytes())
        aside.chmod(stat.S_IMODE(index.stat().st_mode))
        aside.replace(index)
        return
    before = _rows(repository, saved)
    clear = [_row(kept.path, None, entry.head) for kept in entry.paths]
    back = [_row(kept.path, before.get(kept.path), entry.head) for kept in entry.paths]
    applying.stage(repository.git, [*clear, *back])
