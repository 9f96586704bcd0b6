"""How pulls, builds and uploads are shown while they run."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from mlws_scaffold.cli import output
from mlws_scaffold.models.progress import Milestones, Progress, Watch


@contextlib.contextmanager
def watching() -> Iterator[Watch]:
    """On a terminal a bar for each layer and a line for all, elsewhere a line for each tenth; a
    line for each step.
    """
    lines = Milestones(output.note)
    if not sys.stderr.isatty():
        yield lines
        return
    with output.bars() as move:

        def watch(key: str, progress: Progress) -> None:
            if progress.total:
                # One thing for each layer, whatever the words of this version are.
                name = f"{key}: {progress.digest[7:19] or progress.status}"
                move(name, progress.completed or 0, progress.total)
            else:
                lines(key, progress)

        yield watch


@contextlib.contextmanager
def of_files() -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each file on a terminal: takes its name, the bytes done, the total (0: unknown)."""
    if not sys.stderr.isatty():
        yield lambda _name, _done, _total: None
        return
    with output.bars() as move:
        yield lambda name, done, total: move(name, done, total or done)
