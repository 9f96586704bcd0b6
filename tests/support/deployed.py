"""A workspace with an agent, and a way to run `mlws` on it as its own process."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlws_scaffold.adapters.daemons import Daemon
from tests.support import deploy_workspace
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

    def mlws(self, *words: str, status: int = 0) -> str:
        """Output of `mlws agent WORDS`; what it said is in the message when it ends otherwise."""
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, "agent", *words],
            cwd=self.house.root, env=self.environment, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
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


@pytest.fixture
def deployed(tmp_path: Path) -> Iterator[Deployed]:
    """Nothing is deployed yet; whatever runs in the end is stopped."""
    if shutil.which("haproxy") is None and not Path("/usr/sbin/haproxy").exists():
        pytest.skip("haproxy is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = Deployed(deploy_workspace.make(tmp_path / "work", port), tmp_path / "state")
    try:
        yield made
    finally:
        for folder in made.state.glob("mlws/workspaces/*/deploy/*/*/*/lock"):
            Daemon(folder.parent).stop(0.2)
