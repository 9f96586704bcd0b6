"""HAProxy of this machine before agents of the laboratory."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mlws_scaffold.adapters.daemons import Daemon
from mlws_scaffold.adapters.haproxy.config import Proxy, Server, executable, text
from mlws_scaffold.adapters.haproxy.runtime import Runtime
from mlws_scaffold.errors import Unavailable
from tests.support.waiting import until

AGENT = Path(__file__).with_name("agent.py")


def needed() -> None:
    """Skip, with the cure, where HAProxy is missing."""
    try:
        executable()
    except Unavailable as error:
        pytest.skip(f"{error.message}: {error.cure}")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on; a proxy would share one with another test's without a word."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


@dataclass(slots=True)
class House:
    """Two slots, their agents and the proxy; `folder` must be short enough for a socket."""

    folder: Path
    port: int = field(default_factory=lambda: free_ports(1)[0])
    agents: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)

    @property
    def socket(self) -> Path:
        return self.folder / "admin.sock"

    @property
    def config(self) -> Path:
        return self.folder / "haproxy.cfg"

    @property
    def runtime(self) -> Runtime:
        return Runtime(self.socket)

    @property
    def process(self) -> Daemon:
        return Daemon(self.folder / "proxy")

    def start(self, slot: str, version: str) -> int:
        command = [sys.executable, str(AGENT), "0", version, str(self.folder)]
        agent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert agent.stdout
        self.agents[slot] = agent
        self.ports[slot] = int(agent.stdout.readline())
        return self.ports[slot]

    def proxy(self, weights: dict[str, int]) -> Proxy:
        servers = tuple(
            Server(slot, "127.0.0.1", self.ports.get(slot, 1), weight, enabled=slot in self.agents)
            for slot, weight in weights.items()
        )
        return Proxy("127.0.0.1", self.port, None, self.socket, servers)

    def write(self, weights: dict[str, int]) -> None:
        self.config.write_text(text(self.proxy(weights)))

    def run(self) -> None:
        command = (executable(), "-W", "-db", "-f", str(self.config))
        self.process.start(command, self.folder, os.environ)
        assert until(lambda: self.worker), self.process.said()

    def reload(self) -> None:
        before = self.worker

        def reloaded() -> bool:
            # A master that has only just started its worker loses the signal.
            self.process.tell(signal.SIGUSR2)
            return until(lambda: self.worker not in (0, before), 1.0)

        assert until(reloaded), self.process.said()

    @property
    def worker(self) -> int:
        try:
            return self.runtime.mark().process
        except Unavailable:
            return 0

    def open(self, weights: dict[str, int]) -> None:
        self.write(weights)
        self.run()
        self.up(*(slot for slot, weight in weights.items() if weight))

    def up(self, *slots: str) -> None:
        assert until(
            lambda: all(one.status == "UP" for one in self.runtime.servers() if one.slot in slots)
        )

    def kill(self, slot: str) -> None:
        self.agents[slot].send_signal(signal.SIGKILL)
        self.agents[slot].wait()

    def current(self, slot: str) -> int:
        return next(one.current for one in self.runtime.servers() if one.slot == slot)


@contextlib.contextmanager
def house(folder: Path) -> Iterator[House]:
    """A house that is empty again at the end."""
    needed()
    made = House(folder)
    try:
        yield made
    finally:
        made.process.stop(0.0)
        for agent in made.agents.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(agent.pid, signal.SIGKILL)
            agent.communicate()
