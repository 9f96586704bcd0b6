"""Kills a step with SIGKILL at each of its file operations, one after the other."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Collection, Iterator

OPERATIONS = {
    "open",
    "os.chmod",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.truncate",
    "fcntl.flock",
    "shutil.rmtree",
}


# Each start of a program and each change of a name: what lies between changes nothing that is seen.
WITH_PROGRAMS = (OPERATIONS | {"subprocess.Popen"}) - {"open", "fcntl.flock"}


def at_every_operation(
    step: Callable[[], object], most: int = 500, events: Collection[str] = OPERATIONS
) -> Iterator[int]:
    """Run the step in a child that is killed in front of its 1st, 2nd, … file operation.

    Yields the number after each kill, and ends when a child came to its end. What the caller does
    in between decides what the next child finds.
    """
    for number in range(1, most):
        if _killed(step, number, events):
            yield number
        else:
            return
    raise AssertionError(f"the step has more than {most} operations")


def _killed(step: Callable[[], object], number: int, events: Collection[str]) -> bool:
    child = os.fork()
    if not child:
        status = 3
        try:
            _die_at(number, events)
            step()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def _die_at(number: int, events: Collection[str]) -> None:
    left = number

    def watch(event: str, arguments: object) -> None:
        nonlocal left
        if event in events:
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
