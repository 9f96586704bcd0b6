"""A store in one file, for the users of one machine."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mlws_scaffold.errors import MlwsError, Unavailable, UsageError
from mlws_scaffold.gpus.store import Again, Overlap, Row, Value

# How long a writer waits for its turn.
BUSY_SECONDS = 60.0
OVERLAP = "overlap"

# SQLite's locks and its shared memory need a file system that one kernel alone serves.
_NETWORK = ("nfs", "nfs3", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph", "lustre")
_CLUSTER = ("gpfs", "beegfs", "glusterfs", "ocfs2", "gfs2", "orangefs", "davfs")
_LOCAL_FUSE = ("fuse.fuse-overlayfs", "fuse.ntfs", "fuse.exfat", "fuse.lxcfs", "fuse.gocryptfs")
_SYNCHRONOUS = {"full": "FULL", "relaxed": "NORMAL"}


class Sqlite:
    """`clock` gives the seconds since 1970."""

    dialect = "sqlite"

    def __init__(
        self, connection: sqlite3.Connection, clock: Callable[[], float] = time.time
    ) -> None:
        self._connection = connection
        self.clock = clock

    def now(self) -> int:
        return int(self.clock())

    def execute(self, sql: str, parameters: Sequence[Value] = ()) -> list[Row]:
        try:
            return self._connection.execute(sql, tuple(parameters)).fetchall()
        except sqlite3.IntegrityError as error:
            if str(error) == OVERLAP:
                raise Overlap from None
            raise
        except sqlite3.OperationalError as error:
            raise _named(error) from None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        # IMMEDIATE: a reader that turns into a writer would fail, whatever the timeout.
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self.execute("ROLLBACK")
            raise

    def lock(self, name: str) -> None:
        """Nothing to do: BEGIN IMMEDIATE lets one writer in at a time."""

    def version(self, part: str) -> int:
        try:
            rows = self._connection.execute(
                "SELECT version FROM mlws_schema WHERE part = ?", (part,)
            ).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return 0
            raise _named(error) from None
        except sqlite3.DatabaseError as error:
            raise Unavailable(f"the store cannot be read: {error}") from None
        return int(rows[0][0]) if rows else 0

    def close(self) -> None:
        self._connection.close()


def connect(address: str, root: Path) -> Sqlite:
    """Open (or make) the file of `sqlite:///relative`, `sqlite:////absolute`.

    With `?durability=relaxed` a power failure may take the last bookings; a crash never does.
    """
    path, durability = _parts(address, root)
    _refuse_network(path)
    try:
        made = _prepare(path)
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    except (OSError, sqlite3.OperationalError) as error:
        raise _unopened(path, error) from None
    try:
        if made:
            _write_ahead(connection)
        connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[durability]}")
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.DatabaseError as error:
        connection.close()
        raise _unopened(path, error) from None
    return Sqlite(connection)


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Readers and the writer do not wait for each other; kept in the file."""
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # The change does not wait for another that makes it at the same moment.
            if "locked" not in str(error) or time.monotonic() > end:
                raise
        time.sleep(0.01)


def _parts(address: str, root: Path) -> tuple[Path, str]:
    place, _, options = address.removeprefix("sqlite://").partition("?")
    durability = "full"
    for option in filter(None, options.split("&")):
        name, _, value = option.partition("=")
        if name != "durability" or value not in _SYNCHRONOUS:
            raise UsageError(
                f"[gpus] store: the option {option!r} is not known",
                "known: durability=full, durability=relaxed",
            )
        durability = value
    if not place.startswith("/") or place == "/":
        raise UsageError(
            f"[gpus] store: {address!r} names no file",
            "three slashes start at the workspace, four at the root: sqlite:////srv/mlws/gpus.db",
        )
    return root / place[1:], durability


def _refuse_network(path: Path) -> None:
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return  # not Linux
    kind = filesystem(path, mounts)
    remote = kind.startswith("fuse.") and kind not in _LOCAL_FUSE  # sshfs, s3fs, rclone, …
    if kind in _NETWORK or kind in _CLUSTER or remote:
        raise UsageError(
            f"the store {path} lies on a network file system ({kind}), where SQLite loses writes",
            "put it on a disk of this machine; several machines share postgresql://…",
        )


def filesystem(path: Path, mounts: str) -> str:
    """Type of the file system that holds `path`, by the words of /proc/self/mountinfo."""
    best, kind = -1, ""
    place = str(path.resolve())
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) < 5 or not after:
            continue
        point = fields[4].replace("\\040", " ").rstrip("/")
        inside = place == point or place.startswith(f"{point}/")
        if inside and len(point) >= best:  # the last of equal ones lies on top
            best, kind = len(point), after.split()[0]
    return kind


def _prepare(path: Path) -> bool:
    """Make the file when it is not there, for the folder's group when that may write."""
    if path.exists():
        return _empty(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    shared = path.parent.stat().st_mode & stat.S_IWGRP
    if shared and not path.parent.stat().st_mode & stat.S_ISGID:
        # Without it the files beside (-wal, -shm) would get the group of whoever made them.
        raise MlwsError(
            f"{path.parent} may be written by its group, and new files in it get another group",
            f"chmod g+s {path.parent}, or chmod g-w for a store of your own",
        )
    mode = 0o660 if shared else 0o600
    handle = os.open(path, os.O_RDWR | os.O_CREAT, mode)
    try:
        if os.fstat(handle).st_uid == os.geteuid():
            os.fchmod(handle, mode)  # whatever the umask; SQLite copies it to the files beside
    finally:
        os.close(handle)
    return True


def _empty(path: Path) -> bool:
    try:
        return path.stat().st_size == 0
    except OSError:
        return False


def _unopened(path: Path, error: Exception) -> Unavailable:
    why = error.strerror if isinstance(error, OSError) else str(error)
    return Unavailable(
        f"the store {path} cannot be opened: {why}",
        "join the group that owns it, or name another in [gpus] store",
    )


def _named(error: sqlite3.OperationalError) -> Exception:
    words = str(error)
    if "locked" in words or "busy" in words:
        return Again(words)
    if "readonly" in words:
        return Unavailable(
            "the store may be read here and not written",
            "join the group that owns it; its folder and the files beside it need the same rights",
        )
    if "no such" in words or "syntax" in words:
        return error  # a mistake of ours
    return Unavailable(f"the store failed: {words}", "free space, or mend its rights")
