"""Runs the tests of several experiments: together in the workspace's environment, or each in its
own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters import children, process
from mlws_scaffold.errors import Unavailable

_NO_TESTS = 5  # how pytest ends when it found none
_OWN = {"UV_PROJECT_ENVIRONMENT": ".venv", "VIRTUAL_ENV": "", "PYTHONPATH": ""}


@dataclass(frozen=True, slots=True)
class Tested:
    """How the tests of a folder (or of several together) ended: passed, failed or none."""

    folders: tuple[str, ...]
    result: str


def run(
    root: Path, shared: Sequence[str], isolated: Sequence[str], say: Callable[[str], None]
) -> Iterator[Tested]:
    """Test folders of the shared environment in one go, then each isolated one in its own.

    What pytest prints goes to our own terminal. An isolated experiment installs from its lock, and
    fails when that is missing or stale. Raises Unavailable without uv.
    """
    if shared:
        command = (sys.executable, "-m", "pytest", *shared)
        yield Tested(tuple(shared), _result(_run(command, root, {})))
    for folder in isolated:
        say(f"{folder}: an environment of its own")
        uv = process.find("uv")
        if uv is None:
            raise Unavailable("uv is not installed or not on PATH", "scripts/setup-env.sh")
        status = _run((uv, "sync", "--locked", "--quiet"), root / folder, _OWN)
        if status == 0:
            status = _run((uv, "run", "--no-sync", "pytest", "."), root / folder, _OWN)
            yield Tested((folder,), _result(status))
        else:
            yield Tested((folder,), "failed")


def _run(command: tuple[str, ...], folder: Path, more: dict[str, str]) -> int:
    return children.wait(children.start(command, folder, {**os.environ, **more})).status


def _result(status: int) -> str:
    return {0: "passed", _NO_TESTS: "none"}.get(status, "failed")
