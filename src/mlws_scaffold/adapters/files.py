"""Files written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mlws_scaffold.errors import MlwsError

# Network file systems lock a file that is open for writing, and a folder never is.
LOCK = ".mlws-lock"
_LOCKS_FILES_ONLY = (errno.EBADF, errno.EINVAL, errno.EISDIR, errno.EOPNOTSUPP)


def write(path: Path, content: str | bytes) -> None:
    """Replace `path` atomically and durably; its mode is kept. A crash leaves the old file."""
    data = content.encode() if isinstance(content, str) else content
    mode = path.stat().st_mode & 0o7777 if path.exists() else 0o666 & ~_umask()
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".new")
    except OSError as error:
        raise _unwritten(path, error) from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
    except OSError as error:
        raise _unwritten(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _unwritten(path: Path, error: OSError) -> MlwsError:
    cure = "free space, or mend its rights"
    return MlwsError(f"{path} was not written: {error.strerror}", cure)


@contextlib.contextmanager
def beside(target: Path) -> Iterator[Path]:
    """A scratch folder on the same file system as `target`, gone afterwards whatever happens."""
    home = target.parent
    while not home.exists():
        home = home.parent
    try:
        scratch = Path(tempfile.mkdtemp(dir=home, prefix=".mlws-new-"))
    except OSError as error:
        raise MlwsError(f"nothing can be written in {home}: {error.strerror}") from error
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextlib.contextmanager
def locked(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold an advisory lock on a folder, so that writers of its files take turns here.

    Without `wait` it raises BlockingIOError when another holds it.
    """
    handle = _lock(folder, wait=wait)
    try:
        yield
    finally:
        os.close(handle)


def _lock(folder: Path, *, wait: bool) -> int:
    import fcntl

    how = fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, how)
    except OSError as error:
        os.close(handle)
        if error.errno not in _LOCKS_FILES_ONLY:
            raise
        # Kept: removing it would let two in, one with the old file and one with a new one.
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(handle, how)
        except OSError:
            os.close(handle)
            raise
    return handle


def _umask() -> int:
    value = os.umask(0)
    os.umask(value)
    return value
