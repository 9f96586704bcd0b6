"""A HAProxy of this machine in master-worker mode: started, reloaded, ended."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters import children, files
from mlws_scaffold.adapters.haproxy.config import executable
from mlws_scaffold.adapters.haproxy.runtime import Runtime
from mlws_scaffold.errors import MlwsError, Unavailable

_WITHIN_SECONDS = 20.0
_LOG_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Local:
    """One proxy whose files live in `folder`: configuration, process id, log. It outlives us."""

    folder: Path
    socket: Path

    @property
    def config(self) -> Path:
        """Where its configuration is read at a start and a reload."""
        return self.folder / "haproxy.cfg"

    @property
    def log(self) -> Path:
        """What it says of itself."""
        return self.folder / "haproxy.log"

    @property
    def runtime(self) -> Runtime:
        """Its admin socket."""
        return Runtime(self.socket)

    def running(self) -> bool:
        """Whether its master process lives."""
        return bool(self._identity() and children.alive(self._identity()))

    def start(self) -> None:
        """Start it with the configuration that lies there and wait until it answers.

        Does nothing when it runs. Raises MlwsError with the end of its log when it does not start.
        """
        if self.running() or self._adopt():
            return
        command = [executable(), "-W", "-db", "-f", str(self.config)]
        pid = children.detach(command, self.folder, os.environ, self.log)
        files.write(self._process, children.identity(pid))
        self._until(self._answers, "does not start")

    def reload(self) -> None:
        """Take the configuration that lies there without losing a request.

        Streams end in the old worker, which `servers()` no longer counts: never while one drains.
        """
        if not self.running():
            raise Unavailable(f"HAProxy of {self.folder} does not run", "start it")
        before = self.runtime.mark().process
        os.kill(self._pid(), signal.SIGUSR2)
        self._until(lambda: self._worker() not in (0, before), "does not reload")

    def stop(self, grace: float = 0.0) -> None:
        """End it: running streams may finish for `grace` seconds. Fine when it is gone."""
        if not self.running():
            return
        master = self._pid()
        if grace > 0:
            self._signal(master, signal.SIGUSR1)
            self._gone(grace)
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.running():
                self._signal(master, number)
                self._gone(_WITHIN_SECONDS)
        if self.running():
            raise MlwsError(f"HAProxy (process {master}) does not end", f"kill -9 {master}")
        self._process.unlink(missing_ok=True)

    @property
    def _process(self) -> Path:
        return self.folder / "haproxy.pid"

    def _identity(self) -> str:
        try:
            return self._process.read_text("ascii").strip()
        except (OSError, UnicodeError):
            return ""

    def _pid(self) -> int:
        return int(self._identity().partition("@")[0])

    def _worker(self) -> int:
        try:
            return self.runtime.mark().process
        except Unavailable:
            return 0

    def _answers(self) -> bool:
        return self._worker() != 0

    def _adopt(self) -> bool:
        """Know again a proxy whose starter was killed before it wrote down whom it had started.

        A second one would share the port, so that half of the requests went unseen.
        """
        worker = self._worker() if self.socket.exists() else 0
        if not worker:
            return False
        try:
            stat = Path(f"/proc/{worker}/stat").read_text("ascii", "replace")
        except OSError:
            return False
        master = int(stat.rpartition(")")[2].split()[1])
        files.write(self._process, children.identity(master))
        return True

    def _signal(self, pid: int, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    def _gone(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while self.running() and time.monotonic() < end:
            time.sleep(0.02)

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + _WITHIN_SECONDS
        while not condition():
            if not self.running() or time.monotonic() > end:
                said = self.log.read_text("utf-8", "replace") if self.log.exists() else ""
                raise MlwsError(
                    f"HAProxy {what}: {said.strip()[-_LOG_CHARACTERS:]}",
                    f"see {self.log}; is the port free?",
                )
            time.sleep(0.02)
