"""Evidence put together while a stage runs: what the proxy and the agent itself say."""

from __future__ import annotations

from collections.abc import Iterable

from mlws_scaffold.adapters.haproxy.requests import Request
from mlws_scaffold.adapters.haproxy.runtime import ServerState
from mlws_scaffold.agents.watching.counters import Counters
from mlws_scaffold.agents.watching.evidence import Evidence, Sample, Seen, samples


class Collected:
    """What was seen in a stage of the slots `canary` and `stable`, one look after the other.

    The proxy forgets its oldest requests and says the others again at each look: each counts once.
    """

    def __init__(self, canary: str, stable: str, now: float) -> None:
        self._canary = canary
        self._stable = stable
        self._requests: dict[tuple[int, int], Request] = {}
        self._server: ServerState | None = None
        self._first: Counters | None = None
        self._last: Counters | None = None
        self._anew = 0
        self._alive = True
        self._moved = self._now = now

    def add(
        self,
        requests: Iterable[Request],
        servers: Iterable[ServerState],
        counters: Counters | None,
        *,
        alive: bool,
        now: float,
    ) -> None:
        """One look. `counters`: None when the agent did not say them; `now`: a clock's seconds."""
        known = len(self._requests)
        self._requests.update({(one.process, one.number): one for one in requests})
        new = list(self._requests.values())[known:]
        self._server = next((one for one in servers if one.slot == self._canary), None)
        # Of those that the stable version ends nothing follows for the canary.
        moved = any(one.slot == self._canary for one in new)
        moved = moved or self._server is None or self._server.current == 0
        if counters is not None:
            moved = self._count(counters) or moved
        self._alive = alive
        self._now = now
        if moved:
            self._moved = now

    def evidence(self, elapsed: float, earlier_p95: float | None) -> Evidence:
        """All of it; the arguments are those of Evidence."""
        requests, server = self._requests.values(), self._server
        chats = samples(requests, self._canary)
        canary = Seen(
            samples=chats,
            hidden=self._hidden(chats),
            in_flight=server.current if server else 0,
            quiet=self._now - self._moved,
            alive=self._alive and not (server and server.status.startswith("DOWN")),
            restarts=self._anew,
        )
        return Evidence(canary, Seen(samples(requests, self._stable)), elapsed, earlier_p95)

    def _count(self, now: Counters) -> bool:
        """Take the agent's counters; whether they moved. Some that fell are of a new process."""
        before = self._last or now
        self._first = self._first or now
        self._last = now
        self._anew += now.chats < before.chats or now.firsts < before.firsts
        return (now.chats, now.firsts) != (before.chats, before.firsts)

    def _hidden(self, chats: tuple[Sample, ...]) -> int:
        """Errors that the agent counted and the proxy did not see: inside a stream that began."""
        if self._first is None or self._last is None or self._anew:
            return 0
        own = self._last.errors - self._first.errors
        return max(0, own - sum(1 for one in chats if one.failed))
