"""A workspace with an agent, and a way to run `mlws` on it as its own process."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mlws_scaffold.adapters.daemons import Daemon
from tests.support import deploy_workspace, killed_deployer
from tests.support.deploy_workspace import House

PROGRAM = "from mlws_scaffold.cli.app import main; main()"


@dataclass(frozen=True, slots=True)
class Deployed:
    """The workspace, and `mlws agent` in it."""

    house: House
    state: Path
    first: list[Path] = field(default_factory=list)  # folders in front of PATH

    @property
    def environment(self) -> dict[str, str]:
        own = {"XDG_STATE_HOME": str(self.state), "LAB_FOLDER": str(self.house.lab)}
        path = [*map(str, self.first), str(Path(sys.executable).parent), os.environ["PATH"]]
        return {**os.environ, **own, "PATH": os.pathsep.join(path)}

    def mlws(self, *words: str, status: int = 0, **variables: str) -> str:
        """What `mlws agent WORDS` printed; asserts its exit code."""
        return self._run([sys.executable, "-c", PROGRAM], words, status, variables).stdout

    def errors(self, *words: str, status: int, **variables: str) -> str:
        """What it said on standard error."""
        return self._run([sys.executable, "-c", PROGRAM], words, status, variables).stderr

    def quick(self, *words: str, status: int = 0, dies_at: int = 0) -> str:
        """The same with stages that end at once; killed in front of an act when one is named."""
        command = [sys.executable, killed_deployer.__file__, str(dies_at)]
        return self._run(command, words, -9 if dies_at else status, {}).stdout

    def _run(
        self, command: list[str], words: tuple[str, ...], status: int, variables: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*command, "agent", *words],
            cwd=self.house.root, env={**self.environment, **variables},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == status, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def stop(self) -> None:
        """End all that runs, as a machine does that is switched off."""
        for lock in self.state.glob("mlws/workspaces/*/deploy/*/*/*/lock"):
            Daemon(lock.parent).stop(0.2)

    @property
    def folder(self) -> Path:
        """Where the target keeps its files."""
        return next(self.state.glob("mlws/workspaces/*/deploy/production/helper"))

    @property
    def running(self) -> list[str]:
        """The slots with a process, and the proxy."""
        names = ("slot-a", "slot-b", "proxy")
        return [name for name in names if Daemon(self.folder / name).alive]


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on; a proxy would share one with another test's without a word."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


@pytest.fixture
def deployed(tmp_path: Path) -> Iterator[Deployed]:
    """Nothing is deployed yet; whatever runs in the end is stopped."""
    if shutil.which("haproxy") is None and not Path("/usr/sbin/haproxy").exists():
        pytest.skip("haproxy is not installed")
    ports = free_ports(2)
    made = Deployed(deploy_workspace.make(tmp_path / "work", *ports), tmp_path / "state")
    try:
        yield made
    finally:
        made.stop()
