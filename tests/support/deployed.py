"""A workspace with an agent, and a way to run `mlws` on it as its own process."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mlws_scaffold.adapters.daemons import Daemon
from tests.support import deploy_workspace, killed_deployer
from tests.support.canary_lab.house import free_ports, needed
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

    def run(
        self, *words: str, die: int | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """`mlws agent WORDS` as its own process; killed in front of its act number `die`."""
        program = ["-c", PROGRAM] if die is None else [killed_deployer.__file__, str(die)]
        return subprocess.run(
            [sys.executable, *program, "agent", *words],
            cwd=self.house.root, env={**self.environment, **variables},
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

    def mlws(self, *words: str, status: int = 0, **variables: str) -> str:
        """What `mlws agent WORDS` printed; asserts its exit code."""
        return ended(self.run(*words, **variables), status).stdout

    def errors(self, *words: str, status: int, **variables: str) -> str:
        """What it said on standard error."""
        return ended(self.run(*words, **variables), status).stderr

    def quick(self, *words: str, status: int = 0, dies_at: int = 0) -> str:
        """The same with stages that end at once; killed in front of an act when one is named."""
        return ended(self.run(*words, die=dies_at), -9 if dies_at else status).stdout

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


def ended(done: subprocess.CompletedProcess[str], status: int) -> subprocess.CompletedProcess[str]:
    """The command; asserts its exit code."""
    assert done.returncode == status, f"{done.args}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done


@contextlib.contextmanager
def placed(folder: Path) -> Iterator[Deployed]:
    """Nothing is deployed yet; whatever runs in the end is stopped."""
    house = deploy_workspace.make(folder / "work", *free_ports(2))
    made = Deployed(house, folder / "state")
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def deployed(tmp_path: Path) -> Iterator[Deployed]:
    """Nothing is deployed yet."""
    needed()
    with placed(tmp_path) as made:
        yield made
