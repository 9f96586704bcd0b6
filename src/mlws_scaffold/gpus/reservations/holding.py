"""GPUs for a command: a reservation is taken, or one that is there is used, while a child lives."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters import children
from mlws_scaffold.errors import MlwsError, Unavailable, UsageError
from mlws_scaffold.gpus import store
from mlws_scaffold.gpus.reservations import booking, changing, leases, opening, reading, waiting
from mlws_scaffold.gpus.reservations.choosing import Lease
from mlws_scaffold.gpus.reservations.values import HOLD, RUN, Desk, Gpu, Reservation, Wish
from mlws_scaffold.workspace.config import Workspace

LEASE_SECONDS = 90
_BEATS = 4  # of a lease


@dataclass(frozen=True, slots=True)
class Need:
    """What a command needs. Zero GPUs: those of the reservation that is there."""

    place: Workspace
    researcher: str = ""
    count: int = 0
    memory: int = 0
    seconds: int = 4 * 3600
    purpose: str = ""
    experiment: str = ""
    lease: int = LEASE_SECONDS
    avoid: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Held:
    """The GPUs that a command may use, and the environment that shows it no others."""

    reservation: Reservation
    gpus: tuple[Gpu, ...]

    @property
    def environment(self) -> dict[str, str]:
        return visible(self.gpus)


def visible(gpus: tuple[Gpu, ...]) -> dict[str, str]:
    """CUDA sees these GPUs alone, in the order of nvidia-smi."""
    return {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "CUDA_VISIBLE_DEVICES": ",".join(gpu.uuid for gpu in gpus),
    }


def current(desk: Desk) -> Reservation | None:
    """The person's own booking or hold that is active on this machine, the longest first."""
    now = desk.store.now()
    mine = [
        item
        for item in reading.of_person(desk.store, desk.actor.person, now, now + 1)
        if item.kind != RUN and any(gpu.host == desk.actor.host for gpu in item.gpus)
    ]
    return max(mine, key=lambda item: item.ends, default=None)


def run(need: Need, command: Sequence[str], seen: Sequence[Gpu], say: Callable[[str], None]) -> int:
    """Run the command on the GPUs; its exit status (130 when it was interrupted)."""
    remember(need.place, seen)
    with held(need, say) as taken:
        env = {**os.environ, **taken.environment}
        child = children.start(command, Path.cwd(), env)
        departed = children.wait(child)
        return 130 if departed.interrupted else departed.status


def remember(place: Workspace, seen: Sequence[Gpu]) -> None:
    """Keep what a look at this machine gave, so that it can be reserved."""
    with opening.opened(place) as found:
        reading.remember(found, seen)


@contextlib.contextmanager
def held(need: Need, say: Callable[[str], None]) -> Iterator[Held]:
    """Take or use a reservation while the block lasts. Raises Taken, UsageError, Unavailable.

    What was taken is released at the end; after a kill -9 its lease runs out. A booking that was
    used stays as it is.
    """
    with opening.desk(need.place, need.researcher, say) as desk:
        waiting.tidy(desk)
        found = current(desk)
        taken = _use(desk, need, found) if found else None
        if taken is None:
            if not need.count:
                raise UsageError(
                    f"{desk.actor.person} has no reservation here now",
                    "say how many GPUs: --gpus N, or reserve them: mlws gpu reserve --for 4h",
                )
            taken = _take(desk, need)
            say(_words(taken))
        with _beating(need, taken, say):
            try:
                yield taken
            finally:
                if taken.reservation.kind == RUN:
                    _let_go(desk, taken.reservation, say)


def _use(desk: Desk, need: Need, found: Reservation) -> Held | None:
    """GPUs of a reservation that is there; None when they are too few for the need."""
    here = [gpu for gpu in found.gpus if gpu.host == desk.actor.host]
    fitting = [gpu for gpu in here if (gpu.memory or 0) >= need.memory]
    if len(fitting) < max(1, need.count):
        return None
    if found.kind == HOLD:
        found = store.transact(desk.store, lambda: waiting.confirm(desk, found.id))
    return Held(found, tuple(fitting[: need.count or len(fitting)]))


def _take(desk: Desk, need: Need) -> Held:
    now = desk.store.now()
    wish = Wish(
        now,
        now + min(need.seconds, desk.limits.longest),
        count=need.count,
        memory=need.memory,
        host=desk.actor.host,
        purpose=need.purpose,
        experiment=need.experiment,
        avoid=need.avoid,
    )
    holder = f"{desk.actor.host} {children.identity(os.getpid())}"
    made = booking.reserve(desk, wish, kind=RUN, lease=Lease(holder, now + need.lease))
    return Held(made, made.gpus)


def _words(taken: Held) -> str:
    gpus = ", ".join(gpu.text for gpu in taken.gpus)
    return f"reservation {taken.reservation.id}: {gpus}, while the command runs"


def _let_go(desk: Desk, taken: Reservation, say: Callable[[str], None]) -> None:
    try:
        changing.release(desk, taken.id, "the command ended")
    except UsageError:
        return  # it was over already: its end had come, or a lead released it
    except MlwsError as error:
        say(f"reservation {taken.id} ends by its lease: it was not released: {error.message}")


@contextlib.contextmanager
def _beating(need: Need, taken: Held, say: Callable[[str], None]) -> Iterator[None]:
    """Keep the lease alive and the end ahead, from a thread with a connection of its own."""
    over = threading.Event()
    warned: set[str] = set()

    def tell(words: str) -> None:
        if words not in warned:
            warned.add(words)
            say(words)

    def beat() -> None:
        while not over.wait(need.lease / _BEATS):
            try:
                with opening.desk(need.place, need.researcher) as desk:
                    _renew(desk, need, taken.reservation.id, tell)
            except Unavailable as error:
                tell(f"the reservation is not renewed at the moment: {error.message}")

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=30)


def _renew(desk: Desk, need: Need, number: int, tell: Callable[[str], None]) -> None:
    now, found = desk.store.now(), reading.one(desk.store, number)
    desk.store.execute("UPDATE reservation SET used = ? WHERE id = ?", (now, number))
    if found.kind == RUN and not leases.renew(desk.store, number, need.lease):
        tell(f"reservation {number} is over while the command runs: others may take the GPUs")
        return
    left = found.ends - now
    if found.kind == RUN and left < 2 * need.lease:
        try:
            changing.extend(desk, number, found.ends + 3600, "the command goes on")
        except MlwsError as error:
            tell(f"{error.message}; the command goes on without a reservation then")
    elif found.kind != RUN and left < 900:
        tell(f"reservation {number} ends in {max(0, left // 60)} min: mlws gpu extend {number}")
