"""Puts two together that do not know each other: `mlws run`, and reservations of GPUs."""

from __future__ import annotations

import contextlib
import os
import queue
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from mlws_scaffold.cli import output
from mlws_scaffold.errors import UsageError

if TYPE_CHECKING:
    from mlws_scaffold.experiments.run.stages import Slot
    from mlws_scaffold.gpus.reservations.holding import Held
    from mlws_scaffold.workspace.config import Workspace


@contextlib.contextmanager
def granted(place: Workspace, count: int, *, detach: bool) -> Iterator[None]:
    """While it lasts, what this process starts sees the reserved GPUs and no others.

    Without `count` nothing is taken, and `[gpus] required` refuses a run without a reservation.
    """
    with _held(place, count, detach=detach) as taken:
        if taken is None:
            yield
            return
        before = dict(os.environ)
        os.environ.update(taken.environment)
        try:
            yield
        finally:
            for name in taken.environment:
                os.environ.pop(name)
                if name in before:
                    os.environ[name] = before[name]


@contextlib.contextmanager
def shared_out(place: Workspace, count: int, at_a_time: int) -> Iterator[Slot]:
    """GPUs for a sweep, taken at once or not at all: each running point gets `count` of its own.

    Without `count`, where `[gpus] required` asks for a reservation, all points see all of it.
    """
    from mlws_scaffold.gpus.reservations import holding

    with _held(place, count * at_a_time, detach=False) as taken:
        free: queue.SimpleQueue[dict[str, str]] = queue.SimpleQueue()
        for number in range(at_a_time):
            own = taken.gpus[number * count : (number + 1) * count] if taken and count else ()
            whole = taken.environment if taken else {}
            free.put(holding.visible(own) if own else whole)

        @contextlib.contextmanager
        def slot() -> Iterator[Mapping[str, str]]:
            mine = free.get()
            try:
                yield mine
            finally:
                free.put(mine)

        yield slot


@contextlib.contextmanager
def _held(place: Workspace, count: int, *, detach: bool) -> Iterator[Held | None]:
    if not count and not place.config.gpus.required:
        yield None
        return
    if detach:
        raise UsageError(
            "--detach ends here, and with it the reservation", "run it in tmux or screen instead"
        )
    from mlws_scaffold.gpus import looking
    from mlws_scaffold.gpus.reservations import holding

    sights, _trouble = looking.look(place.config)
    holding.remember(place, [sight.gpu for sight in sights])
    busy = frozenset(sight.gpu.uuid for sight in sights if sight.busy)
    need = holding.Need(place, count=count, purpose="mlws run", avoid=busy)
    with holding.held(need, output.note) as taken:
        yield taken
