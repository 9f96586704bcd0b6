"""How the download of a model is shown while it runs."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from mlws_scaffold.cli import output
from mlws_scaffold.models.progress import Milestones, Progress, Watch


@contextlib.contextmanager
def watching() -> Iterator[Watch]:
    """On a terminal a bar for each layer, elsewhere a line for each tenth; a line for each step."""
    lines = Milestones(output.note)
    if not sys.stderr.isatty():
        yield lines
        return
    with output.bars() as move:

        def watch(key: str, progress: Progress) -> None:
            if progress.total:
                move(f"{key}: {progress.status}", progress.completed or 0, progress.total)
            else:
                lines(key, progress)

        yield watch
