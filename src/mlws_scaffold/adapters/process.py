"""Outside commands other than git, through plumbum."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended."""

    status: int
    output: str
    errors: str

    @property
    def said(self) -> str:
        """The last words: the end of stderr, else of stdout."""
        return (self.errors.strip() or self.output.strip())[-2000:]


def find(name: str) -> str | None:
    """Path of a command on PATH, or None."""
    return shutil.which(name)


def run(
    command: list[str],
    folder: Path,
    *,
    timeout: float | None = None,
    env: dict[str, str] | None = None,
) -> Finished:
    """Run a command without a shell and wait. Raises Unavailable when it is missing or too slow."""
    from plumbum import local
    from plumbum.commands.processes import CommandNotFound, ProcessTimedOut

    # plumbum keeps the environment of its import; a PATH that changed since then counts.
    local.env.clear()
    local.env.update(os.environ)
    try:
        bound = local[command[0]][command[1:]]
        with local.cwd(folder), local.env(**(env or {})):
            status, output, errors = bound.run(retcode=None, timeout=timeout)
    except CommandNotFound:
        raise Unavailable(f"{command[0]} is not installed or not on PATH") from None
    except ProcessTimedOut:
        raise Unavailable(f"{command[0]} took longer than {timeout:.0f} s") from None
    return Finished(status, output, errors)
