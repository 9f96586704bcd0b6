"""`mlws run` as a table of contents: each step takes what the one before it gave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlws_scaffold.experiments.run.duplicates import check_duplicates
from mlws_scaffold.experiments.run.executing import finish, isolate, launch, watch
from mlws_scaffold.experiments.run.recording import create_run
from mlws_scaffold.experiments.run.resolving import resolve
from mlws_scaffold.experiments.run.scheduling import hand_over
from mlws_scaffold.experiments.run.stages import Outcome, Request
from mlws_scaffold.experiments.run.tree import keep as snapshot

Step = Callable[[Any], Any]

STEPS: tuple[Step, ...] = (resolve, check_duplicates, snapshot, create_run, launch, watch, finish)
# Handed over, the last three are done by another process, in a work tree of the snapshot.
HANDED: tuple[Step, ...] = (resolve, check_duplicates, snapshot, create_run, isolate, hand_over)


def run(request: Request, *, detached: bool = False) -> Outcome:
    """Run an experiment; where it is handed over, its outcome is `detached`.

    Raises MlwsError before it starts; afterwards the outcome tells.
    """
    value: Any = request
    for step in HANDED if detached or request.backend != "local" else STEPS:
        value = step(value)
    assert isinstance(value, Outcome)  # noqa: S101 - narrows the type
    return value
