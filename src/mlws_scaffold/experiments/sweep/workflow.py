"""`mlws run --sweep` as a table of contents: each step takes what the one before it gave."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from mlws_scaffold.adapters import files
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.experiments.sweep import handing
from mlws_scaffold.experiments.sweep.executing import execute
from mlws_scaffold.experiments.sweep.opening import open_parent
from mlws_scaffold.experiments.sweep.planning import plan, prepare, preview
from mlws_scaffold.experiments.sweep.reporting import report
from mlws_scaffold.experiments.sweep.stages import Order, Planned, Result
from mlws_scaffold.workspace import state

Step = Callable[[Any], Any]

# `execute` takes each point through the steps of a single run, from `create_run` to `finish`.
STEPS: tuple[Step, ...] = (plan, open_parent, execute, report)
# A scheduler gets all points at once, and works through them itself.
HANDED: tuple[Step, ...] = (plan, open_parent, handing.execute, report)


def sweep(order: Order) -> Result:
    """Run a sweep, or what is left of it. Raises MlwsError before it starts; then the result tells.

    The same sweep (the same runs of the same code and data) goes on where it was cut off.
    """
    prepared = prepare(order)
    # The kernel lets go of the lock of a killed process, so nothing stays locked.
    place = state.folder(order.request.place.root) / "sweeps" / prepared.identity[:16]
    place.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(files.locked(place, wait=False))
        except BlockingIOError:
            cure = "wait for its end, or end it"
            raise MlwsError("this sweep is running already", cure) from None
        value: Any = prepared
        for step in STEPS if order.request.backend == "local" else HANDED:
            value = step(value)
        with contextlib.suppress(OSError):
            place.rmdir()
    assert isinstance(value, Result)  # noqa: S101 - narrows the type
    return value


def look(order: Order) -> Planned:
    """What `sweep` would do. Changes nothing."""
    return preview(prepare(order))
