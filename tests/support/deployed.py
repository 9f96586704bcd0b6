"""A workspace with an agent, and a way to run `mlws` on it as its own process."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlws_scaffold.adapters.daemons import Daemon
from tests.support import deploy_workspace, killed_deployer
from tests.support.canary_lab.house import needed
from tests.support.deploy_workspace import House

PROGRAM = "from mlws_scaffold.cli.app import main; main()"


@dataclass(frozen=True, slots=True)
class Deployed:
    """The workspace, and `mlws agent` in it."""

    house: House
    state: Path

    @property
    def environment(self) -> dict[str, str]:
        own = {"XDG_STATE_HOME": str(self.state), "LAB_FOLDER": str(self.house.lab)}
        return {**os.environ, **own, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def run(self, *words: str, die: int | None = None) -> subprocess.CompletedProcess[str]:
        """`mlws agent WORDS` as its own process; killed in front of its act number `die`."""
        program = ["-c", PROGRAM] if die is None else [killed_deployer.__file__, str(die)]
        return subprocess.run(
            [sys.executable, *program, "agent", *words],
            cwd=self.house.root, env=self.environment, capture_output=True, text=True,
            timeout=300, check=False,
        )  # fmt: skip

    def mlws(self, *words: str, status: int = 0) -> str:
        """Output of `mlws agent WORDS`; what it said is in the message when it ends otherwise."""
        done = self.run(*words)
        assert done.returncode == status, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    @property
    def folder(self) -> Path:
        """Where the target keeps its files."""
        return next(self.state.glob("mlws/workspaces/*/deploy/production/helper"))

    @property
    def running(self) -> list[str]:
        """The slots with a process, and the proxy."""
        names = ("slot-a", "slot-b", "proxy")
        return [name for name in names if Daemon(self.folder / name).alive]


@contextlib.contextmanager
def placed(folder: Path) -> Iterator[Deployed]:
    """Nothing is deployed yet; whatever runs in the end is stopped."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = Deployed(deploy_workspace.make(folder / "work", port), folder / "state")
    try:
        yield made
    finally:
        for lock in made.state.glob("mlws/workspaces/*/deploy/*/*/*/lock"):
            Daemon(lock.parent).stop(0.2)


@pytest.fixture
def deployed(tmp_path: Path) -> Iterator[Deployed]:
    """Nothing is deployed yet."""
    needed()
    with placed(tmp_path) as made:
        yield made
