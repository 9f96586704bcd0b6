"""Files written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from mlws_scaffold.errors import MlwsError

# Network file systems lock a file that is open for writing, and a folder never is.
LOCK = ".mlws-lock"
_LOCKS_FILES_ONLY = (errno.EBADF, errno.EINVAL, errno.EISDIR, errno.EOPNOTSUPP)


def write(path: Path, content: str | bytes) -> None:
    """Replace `path` atomically and durably; its mode is kept. A crash leaves the old file."""
    data = content.encode() if isinstance(content, str) else content
    mode = path.stat().st_mode & 0o7777 if path.exists() else 0o666 & ~_umask()
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".new")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
    except OSError as error:
        raise MlwsError(
            f"{path} was not written: {error.strerror}", "free space, or mend its rights"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


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
def locked(folder: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold an advisory lock on a folder, so that writers of its files take turns here.

    `waiting` is called once when somebody else holds it.
    """
    handle = _lock(folder, waiting)
    try:
        yield
    finally:
        os.close(handle)


def _lock(folder: Path, waiting: Callable[[], None]) -> int:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _take(handle, waiting)
    except OSError as error:
        os.close(handle)
        if error.errno not in _LOCKS_FILES_ONLY:
            raise
        # Kept: removing it would let two in, one with the old file and one with a new one.
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        _take(handle, waiting)
    return handle


def _take(handle: int, waiting: Callable[[], None]) -> None:
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        waiting()
        fcntl.flock(handle, fcntl.LOCK_EX)


def _umask() -> int:
    value = os.umask(0)
    os.umask(value)
    return value
