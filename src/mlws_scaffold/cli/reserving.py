"""Puts two together that do not know each other: `mlws run`, and reservations of GPUs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mlws_scaffold.cli import output
from mlws_scaffold.errors import UsageError

if TYPE_CHECKING:
    from mlws_scaffold.workspace.config import Workspace


@contextlib.contextmanager
def granted(place: Workspace, count: int, *, detach: bool) -> Iterator[None]:
    """While it lasts, what this process starts sees the reserved GPUs and no others.

    Without `count` nothing is taken, and `[gpus] required` refuses a run without a reservation.
    """
    if not count and not place.config.gpus.required:
        yield
        return
    if detach:
        raise UsageError(
            "--detach ends here, and with it the reservation", "run it in tmux or screen instead"
        )
    from mlws_scaffold.gpus import looking
    from mlws_scaffold.gpus.reservations import holding

    sights, _trouble = looking.look(place.config)
    holding.remember(place, [sight.gpu for sight in sights])
    before = dict(os.environ)
    with holding.held(holding.Need(place, count=count, purpose="mlws run"), output.note) as taken:
        os.environ.update(taken.environment)
        try:
            yield
        finally:
            for name in taken.environment:
                os.environ.pop(name)
                if name in before:
                    os.environ[name] = before[name]
