"""A process that outlives the one that started it, and is found again by a lock that it holds.

Nothing is told from a process id alone: the lock is taken before the start and inherited, so it is
held exactly as long as the process lives, also when whoever started it was killed in between.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters import children
from mlws_scaffold.errors import MlwsError, Unavailable

# The process writes its own id, whole or not at all, and then becomes the program.
_WRITES_ITS_ID = 'echo $$ > "$0.new" && mv "$0.new" "$0" && exec "$@"'
_ID_SECONDS = 10.0
_DEAD_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Daemon:
    """A process by the folder that holds its lock, its id, and what it said (`log`)."""

    folder: Path

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def alive(self) -> bool:
        """Whether the process, or one that it left behind, lives."""
        if not self.folder.is_dir():
            return False
        with contextlib.suppress(BlockingIOError), self._lock():
            return False
        return True

    def start(self, command: Sequence[str], folder: Path, env: Mapping[str, str]) -> bool:
        """Start the command unless it runs; returns whether it was started now."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with self._lock() as handle:
                (self.folder / "id").unlink(missing_ok=True)
                self.log.write_bytes(b"")
                words = ("/bin/sh", "-c", _WRITES_ITS_ID, str(self.folder / "id"), *command)
                try:
                    children.detach(words, folder, env, self.log, keep=(handle,))
                except OSError as error:
                    raise Unavailable(f"{command[0]} cannot be started: {error.strerror}") from None
        except BlockingIOError:
            return False
        return True

    def tell(self, number: int) -> None:
        """Send a signal to the process, when it lives."""
        if (pid := self._pid()) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def stop(self, seconds: float) -> None:
        """End it: politely, and after `seconds` for certain. Does nothing when it is gone.

        Raises MlwsError when even that does not end it.
        """
        for number, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, _DEAD_SECONDS)):
            if (pid := self._pid()) is None:
                return
            with contextlib.suppress(ProcessLookupError):
                (os.kill if number == signal.SIGTERM else os.killpg)(pid, number)
            end = time.monotonic() + patience
            while self.alive and time.monotonic() < end:
                time.sleep(0.02)
        if self.alive:
            raise MlwsError(f"the process of {self.folder} does not end", "look for it and end it")

    def said(self) -> str:
        """The last lines of its log."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.strip().splitlines()[-5:])

    def _pid(self) -> int | None:
        """Its id while it lives; one that was just started may take a moment to write it."""
        end = time.monotonic() + _ID_SECONDS
        while self.alive:
            with contextlib.suppress(FileNotFoundError, ValueError):
                return int((self.folder / "id").read_text(encoding="ascii"))
            if time.monotonic() > end:
                raise MlwsError(f"a process holds {self.folder} and does not say its id")
            time.sleep(0.01)
        return None

    @contextlib.contextmanager
    def _lock(self) -> Iterator[int]:
        handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield handle
        finally:
            os.close(handle)


@contextlib.contextmanager
def holding(command: Sequence[str], folder: Path, env: Mapping[str, str]) -> Iterator[str]:
    """The first line that a command says; it lives until the block ends, and ends with us.

    Its input stays open meanwhile and closes when this process dies, however it dies. Raises
    Unavailable when the command cannot be started.
    """
    try:
        child = subprocess.Popen(
            list(command),
            cwd=folder,
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise Unavailable(f"{command[0]} cannot be started: {error.strerror}") from None
    with child:
        try:
            yield child.stdout.readline().strip() if child.stdout else ""
        finally:
            if child.stdin:
                child.stdin.close()
