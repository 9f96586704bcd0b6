"""What reservations are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlws_scaffold.gpus.store import Store

BOOKING, RUN, HOLD = "booking", "run", "hold"


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU as it is known. `memory` in bytes; the index is for the eye, the UUID is the key."""

    host: str
    uuid: str
    index: int
    name: str = ""
    memory: int | None = None

    @property
    def text(self) -> str:
        return f"{self.host}:{self.index}"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Actor:
    """Who acts: a member of `[team]`, the Unix user, and the machine they sit at."""

    person: str
    login: str
    host: str
    leads: bool = False


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Limits:
    """What one person may reserve. Seconds."""

    longest: int
    gpus: int
    ahead: int


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Desk:
    """Where reservations are made: the store, the limits of `mlws.toml`, and who stands there."""

    store: Store
    limits: Limits
    actor: Actor


@dataclass(frozen=True, slots=True)
class Reservation:
    """Half-open: `begins <= t < ends`, in seconds since 1970.

    `lease`: over at that moment unless the process that holds it goes on. `used`: when the GPUs
    were last seen at work; `idle`: since when every look found none. `released` is when somebody
    ended it before its time.
    """

    id: int
    person: str
    login: str
    kind: str
    begins: int
    ends: int
    purpose: str = ""
    experiment: str = ""
    made: int = 0
    released: int | None = None
    lease: int | None = None
    holder: str = ""
    used: int | None = None
    idle: int | None = None
    gpus: tuple[Gpu, ...] = ()

    def state(self, now: int) -> str:
        """`pending`, `active`, `over`, `released`; never stored, so nothing has to keep it true."""
        if self.released is not None:
            return "released"
        if now < self.begins:
            return "pending"
        return "active" if now < self.ends else "over"

    def shape(self, now: int) -> Mapping[str, object]:
        """The reservation as JSON."""
        from mlws_scaffold.gpus.reservations.times import iso

        return {
            "id": self.id,
            "person": self.person,
            "login": self.login,
            "kind": self.kind,
            "state": self.state(now),
            "begins": iso(self.begins),
            "ends": iso(self.ends),
            "gpus": [
                {"host": gpu.host, "index": gpu.index, "uuid": gpu.uuid, "name": gpu.name}
                for gpu in self.gpus
            ],
            "purpose": self.purpose,
            "experiment": self.experiment,
            "lease": None if self.lease is None else iso(self.lease),
        }


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to reserve: these GPUs, or any `count` of one host with that memory.

    `avoid`: UUIDs that are taken only when nothing else is left (a process works there).
    """

    begins: int
    ends: int
    given: tuple[Gpu, ...] = ()
    count: int = 1
    memory: int = 0
    host: str = ""
    purpose: str = ""
    experiment: str = ""
    avoid: frozenset[str] = frozenset()
