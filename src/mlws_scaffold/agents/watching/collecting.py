"""Evidence put together while a stage runs: the proxy's log, its servers, the agents' counters."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from mlws_scaffold.adapters.haproxy.requests import Log, Request, since
from mlws_scaffold.adapters.haproxy.runtime import Runtime, ServerState
from mlws_scaffold.agents.watching.counters import Counters
from mlws_scaffold.agents.watching.evidence import Evidence, Sample, Seen, samples

# The stable version's latest chats are its measure; older ones tell of another load.
_STABLE_LATEST = 500


@dataclass(frozen=True, slots=True)
class Canary:
    """The version under watch and how to ask for what the proxy cannot know.

    `counters` asks the agent itself; `restarts` counts how often its engine began it anew; `alive`
    says whether its process is there.
    """

    slot: str
    counters: Callable[[], Counters | None]
    restarts: Callable[[], int] = lambda: 0
    alive: Callable[[], bool] = lambda: True


class Watch:
    """A deployment under watch: `begin` each stage, then take `evidence` now and again."""

    def __init__(
        self, runtime: Runtime, canary: Canary, stable: str, earlier_p95: float | None = None
    ) -> None:
        self._runtime = runtime
        self._canary = canary
        self._stable = stable
        self._earlier_p95 = earlier_p95
        self._log = Log(runtime)
        self._reference: list[Sample] = []
        self.begin()

    def begin(self) -> None:
        """A stage begins: call it when its weights are set. Raises Unavailable as `evidence`."""
        # Kept from earlier stages: at 99 % of the traffic the stable version says next to nothing.
        self._remember(self._log.new())
        self._mark = self._runtime.mark()
        self._chats: list[Sample] = []
        self._first = self._last = self._canary.counters()
        self._restarts = self._canary.restarts()
        self._anew = 0
        self._began = self._moved = time.monotonic()

    def evidence(self) -> Evidence:
        """What was seen since the stage began. Raises Unavailable while the proxy is away."""
        state = self._state()
        new = self._log.new()
        self._remember(new)
        fresh = samples(since(new, self._mark), self._canary.slot)
        self._chats += fresh
        self._ask(moved=bool(fresh) or state.current == 0)
        canary = Seen(
            samples=tuple(self._chats),
            hidden=self._hidden(),
            in_flight=state.current,
            quiet=time.monotonic() - self._moved,
            alive=self._canary.alive() and not state.status.startswith(("DOWN", "MAINT")),
            restarts=self._anew + self._canary.restarts() - self._restarts,
        )
        elapsed = time.monotonic() - self._began
        return Evidence(canary, Seen(tuple(self._reference)), elapsed, self._earlier_p95)

    def _remember(self, new: tuple[Request, ...]) -> None:
        self._reference = [*self._reference, *samples(new, self._stable)][-_STABLE_LATEST:]

    def _state(self) -> ServerState:
        return next(one for one in self._runtime.servers() if one.slot == self._canary.slot)

    def _ask(self, *, moved: bool) -> None:
        """Take the agent's own counters; those that fell are of a process that began anew."""
        now = self._canary.counters()
        if now is not None and self._last is not None:
            self._anew += now.chats < self._last.chats or now.firsts < self._last.firsts
            moved = moved or now.firsts != self._last.firsts or now.chats != self._last.chats
        if now is not None:
            self._first = self._first or now
            self._last = now
        if moved:
            self._moved = time.monotonic()

    def _hidden(self) -> int:
        """Errors that the agent counted and the proxy could not see."""
        if self._first is None or self._last is None or self._anew:
            return 0
        own = self._last.errors - self._first.errors
        return max(0, own - sum(1 for one in self._chats if one.failed))
