"""What was seen of a canary and of the stable version beside it. Values only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Sample:
    """One chat of a version; samples stand in the order of their ends.

    `first`: seconds until the answer began, None when it never did. `left`: its caller went away
    after `waited` seconds, which is no failure, but without a beginning it may be slowness.
    """

    failed: bool = False
    first: float | None = None
    left: bool = False
    waited: float = 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """All that is known of one version in a stage.

    `hidden`: errors inside answers whose HTTP status was good, from the agent's own counters.
    `in_flight`: requests it has now. `quiet`: seconds since an answer last began or ended.
    `alive` is False when its process or its health check is gone; `restarts` counts the times it
    began anew.
    """

    samples: tuple[Sample, ...] = ()
    hidden: int = 0
    in_flight: int = 0
    quiet: float = 0.0
    alive: bool = True
    restarts: int = 0

    @property
    def requests(self) -> int:
        """How many chats say whether it fails: those whose caller left do not."""
        return sum(1 for one in self.samples if not one.left)

    @property
    def failed(self) -> int:
        """How many of them failed, by their status, by a cut, or inside their stream."""
        return min(self.requests, sum(1 for one in self.samples if one.failed) + self.hidden)

    @property
    def firsts(self) -> tuple[float, ...]:
        """Seconds to the first token of the answers that did not fail."""
        return tuple(one.first for one in self.samples if one.first is not None and not one.failed)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The canary since its stage began, and the stable version as the measure.

    `elapsed`: seconds of the stage. `earlier_p95`: the stable version's p95 to the first token, in
    seconds, as it was measured before (in an earlier stage, or before the deployer was started
    anew), which counts while the stable version has too few requests now.
    """

    canary: Seen
    stable: Seen
    elapsed: float
    earlier_p95: float | None = None


class Logged(Protocol):
    """A finished request, as a proxy's log has it."""

    @property
    def slot(self) -> str: ...

    @property
    def method(self) -> str: ...

    @property
    def status(self) -> int: ...

    @property
    def failed(self) -> bool: ...

    @property
    def by_client(self) -> bool: ...

    @property
    def first(self) -> float | None: ...

    @property
    def total(self) -> float: ...


def samples(requests: Iterable[Logged], slot: str) -> tuple[Sample, ...]:
    """The chats of one slot. Probes and pages (no POST) and refusals (4xx) prove nothing."""
    return tuple(
        Sample(one.failed, one.first, one.by_client, one.total if one.by_client else 0.0)
        for one in requests
        if one.slot == slot and one.method == "POST" and not _refused(one)
    )


def _refused(one: Logged) -> bool:
    return 400 <= one.status < 500 and not one.by_client and not one.failed
