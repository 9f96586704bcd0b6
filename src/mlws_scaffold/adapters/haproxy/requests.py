"""The request log in HAProxy's ring buffer: one value per finished request."""

from __future__ import annotations

import json
from dataclasses import dataclass

from mlws_scaffold.adapters.haproxy.runtime import Mark


@dataclass(frozen=True, slots=True)
class Request:
    """One finished request. Times are seconds; `first` is None without an answer's headers.

    `slot` is empty where no server was found. `ended` is HAProxy's termination state: `--` is
    normal, C the client, S the server, small letters a timeout; the second letter says when.
    """

    process: int
    number: int
    at: int
    slot: str
    status: int
    first: float | None
    total: float
    ended: str
    redispatched: bool
    method: str

    @property
    def by_client(self) -> bool:
        """Whether the caller went away, which says nothing against the agent."""
        return self.ended[:1] in ("C", "c") or self.status == 499

    @property
    def failed(self) -> bool:
        """Whether the agent failed: 5xx, no answer, or an answer cut off. Never 429 and 499."""
        if self.by_client:
            return False
        return self.status >= 500 or self.status < 0 or self.ended[:1] in ("S", "s")


def parse(said: str) -> tuple[Request, ...]:
    """The requests among the lines of a ring; HAProxy writes its own notices there too."""
    found = (_request(line) for line in said.splitlines() if line.startswith("{"))
    return tuple(one for one in found if one is not None)


def since(requests: tuple[Request, ...], mark: Mark) -> tuple[Request, ...]:
    """Those that began after the mark, or in a later process (a restart or reload)."""
    return tuple(one for one in requests if one.process != mark.process or one.number >= mark.count)


def _request(line: str) -> Request | None:
    try:
        said = json.loads(line)
        slot = str(said["s"])
        return Request(
            process=int(said["p"]),
            number=int(said["n"]),
            at=int(said["t"]),
            slot="" if slot.startswith("<") else slot,
            status=int(said["st"]),
            first=int(said["Tr"]) / 1000 if int(said["Tr"]) >= 0 else None,
            total=max(0, int(said["Ta"])) / 1000,
            ended=str(said["ts"]),
            redispatched=str(said["rc"]).startswith("+"),
            method=str(said["m"]),
        )
    except (ValueError, KeyError, TypeError):
        return None  # half a line: the ring overwrites its oldest
