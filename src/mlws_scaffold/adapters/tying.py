"""Ties a command to the process that starts it, so that it does not outlive a kill -9 unseen."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence

# 1 is PR_SET_PDEATHSIG, which exec keeps; the parent may be gone before it is set.
_CODE = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM)
if os.getppid() == int(sys.argv[1]):
    os.execvp(sys.argv[2], sys.argv[2:])
"""


def tied(command: Sequence[str]) -> list[str]:
    """The command, which gets SIGTERM when the thread that starts it ends, even of kill -9.

    Its own children hear of it only through it. Only Linux can do this; elsewhere, and for a
    command that is not found, it stays as it is.
    """
    if sys.platform != "linux" or shutil.which(command[0]) is None:
        return list(command)
    # By a program of its own, not between fork and exec of this one: other threads may hold locks.
    return [sys.executable, "-I", "-S", "-c", _CODE, str(os.getpid()), *command]
