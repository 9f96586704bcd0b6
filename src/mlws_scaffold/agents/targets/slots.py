"""Two fixed slots behind one HAProxy: what the targets on one host have in common.

The wanted configuration is always written before the proxy is told at run time, so that a restart
or a reload of it comes back with the same shares.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Protocol

from mlws_scaffold.adapters.haproxy import config, requests
from mlws_scaffold.adapters.haproxy.config import Proxy, Server
from mlws_scaffold.adapters.haproxy.runtime import Mark, Runtime, ServerState
from mlws_scaffold.agents.targets.target import Look, Release, Shares, Wish
from mlws_scaffold.agents.watching.counters import Counters
from mlws_scaffold.errors import MlwsError

SLOTS = ("a", "b")
JOURNAL = "journal.json"
CONFIG = "haproxy.cfg"
_UP_SECONDS = 30.0


class House(Protocol):
    """One host: its files, its proxy, its two slots."""

    def require(self) -> None: ...
    def alone(self, *, wait: bool) -> AbstractContextManager[None]: ...
    def read(self, name: str) -> str | None: ...
    def write(self, name: str, text: str) -> None: ...
    def find(self, wish: Wish) -> Release: ...
    def make(self, release: Release, wish: Wish) -> Release: ...
    def place(self, release: Release) -> Release: ...
    def server(self, slot: str, release: Release | None) -> tuple[str, int]: ...
    def proxy(self, servers: tuple[Server, ...]) -> Proxy: ...
    def run_proxy(self) -> None: ...
    def runtime(self) -> Runtime: ...
    def start(self, release: Release) -> None: ...
    def alive(self, release: Release) -> bool: ...
    def stop(self, release: Release) -> None: ...
    def ready(self, release: Release) -> bool: ...
    def smoke(self, release: Release) -> str: ...
    def check(self, configuration: str) -> None: ...
    def counters(self, release: Release) -> Counters | None: ...
    def explain(self, release: Release) -> str: ...


@dataclass(frozen=True, slots=True)
class Slots:
    """The target made of a house."""

    house: House
    shifts: bool = True

    def require(self) -> None:
        self.house.require()

    def alone(self, *, wait: bool) -> AbstractContextManager[None]:
        return self.house.alone(wait=wait)

    def read(self) -> str | None:
        return self.house.read(JOURNAL)

    def write(self, journal: str) -> None:
        self.house.write(JOURNAL, journal)

    def backup(self, label: str) -> str:
        for name in (JOURNAL, CONFIG):
            if (text := self.house.read(name)) is not None:
                self.house.write(f"backup/{label}/{name}", text)
        return f"backup/{label}"

    def find(self, wish: Wish) -> Release:
        return self.house.find(wish)

    def make(self, release: Release, wish: Wish) -> Release:
        return self.house.make(release, wish)

    def preview(self, _release: Release) -> str:
        return ""

    def put(self, release: Release, beside: Release | None) -> Release:
        taken = beside.slot if beside else SLOTS[1]
        free = SLOTS[0] if taken == SLOTS[1] else SLOTS[1]
        return self.house.place(replace(release, slot=free))

    def open(self, shares: Shares) -> None:
        self._configure(shares)
        self.house.run_proxy()

    def start(self, release: Release) -> None:
        self.house.start(release)
        runtime, slot = self.house.runtime(), release.slot
        if not any(one.slot == slot and one.weight for one in runtime.servers()):
            host, port = self.house.server(slot, release)
            runtime.point(slot, host, port)

    def alive(self, release: Release) -> bool:
        return self.house.alive(release)

    def ready(self, release: Release) -> bool:
        return self.house.ready(release)

    def smoke(self, release: Release) -> str:
        return self.house.smoke(release)

    def follow(self, _release: Release, _seconds: float) -> str:
        return ""  # the shares are moved from here

    def share(self, shares: Shares) -> None:
        self._configure(shares)
        runtime = self.house.runtime()
        wanted = _weights(shares)
        # Who gains is ready and up before anybody loses.
        first = max(wanted, key=lambda slot: wanted[slot])
        now = {one.slot: one for one in runtime.servers()}
        for slot in sorted(wanted, key=lambda slot: slot != first):
            if wanted[slot]:
                runtime.weights({slot: max(wanted[slot], now[slot].weight)})
                runtime.ready(slot)
                _await_up(runtime, slot)
        runtime.weights(wanted)
        for slot, weight in wanted.items():
            if not weight:
                runtime.drain(slot)

    def busy(self, release: Release) -> int:
        return sum(
            one.current for one in self.house.runtime().servers() if one.slot == release.slot
        )

    def stop(self, release: Release) -> None:
        runtime = self.house.runtime()
        self.house.stop(release)
        runtime.weights({release.slot: 0})
        runtime.maintain(release.slot)

    def servers(self) -> tuple[ServerState, ...]:
        return self.house.runtime().servers()

    def mark(self) -> Mark:
        return self.house.runtime().mark()

    def look(self, since: Mark) -> Look:
        runtime = self.house.runtime()
        ended = requests.parse(runtime.events(config.RING))
        return Look(requests.since(ended, since), runtime.servers())

    def counters(self, release: Release) -> Counters | None:
        return self.house.counters(release)

    def explain(self, release: Release) -> str:
        return self.house.explain(release)

    def _configure(self, shares: Shares) -> None:
        wanted = _weights(shares)
        known = {one.slot: one for one in (shares.older, shares.newer) if one is not None}
        servers = []
        for slot in SLOTS:
            host, port = self.house.server(slot, known.get(slot))
            weight = wanted.get(slot, 0)
            servers.append(Server(slot, host, port, weight, enabled=weight > 0))
        text = config.text(self.house.proxy(tuple(servers)))
        if self.house.read(CONFIG) != text:
            self.house.check(text)
            self.house.write(CONFIG, text)


def _weights(shares: Shares) -> dict[str, int]:
    """Weights by slot, of those that exist."""
    weights = {}
    if shares.older is not None:
        weights[shares.older.slot] = 100 - shares.percent
    if shares.newer is not None and shares.newer.slot:
        weights[shares.newer.slot] = shares.percent
    return weights


def _await_up(runtime: Runtime, slot: str) -> None:
    """Wait until the proxy's own check passes. Raises MlwsError when it does not."""
    end = time.monotonic() + _UP_SECONDS
    while not any(one.slot == slot and one.up for one in runtime.servers()):
        if time.monotonic() > end:
            raise MlwsError(f"the proxy finds slot {slot} not ready for {_UP_SECONDS:.0f} s")
        time.sleep(0.05)
