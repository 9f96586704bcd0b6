"""`mlws` that is killed with SIGKILL in front of its Nth act: python dying.py N WORDS….

Acts are what lasts: a file put in its place, a command to the proxy, a process started or told to
end. LAB_FOLDER/died.txt says which it was; without it the command came to its end.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from mlws_scaffold.adapters.haproxy.runtime import Runtime
from mlws_scaffold.cli.app import main


class Acts:
    """Counts acts and ends all at one."""

    def __init__(self, number: int) -> None:
        self.left = number

    def before(self, act: str) -> None:
        self.left -= 1
        if self.left == 0:
            Path(os.environ["LAB_FOLDER"], "died.txt").write_text(act)
            os.kill(os.getpid(), signal.SIGKILL)

    def heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "os.rename" and "deploy" in Path(str(arguments[1])).parts:
            self.before(f"write {Path(str(arguments[1])).name}")
        elif event == "subprocess.Popen" and "/bin/sh" in str(arguments[0]):
            self.before("start a process")
        elif event == "os.kill" and self.left > 0:
            self.before("end a process")


def mortal(number: int) -> None:
    acts = Acts(number)
    tell = Runtime._set

    def counted(self: Runtime, *commands: str) -> None:
        acts.before(f"tell the proxy {'; '.join(commands)}")
        tell(self, *commands)

    Runtime._set = counted  # type: ignore[method-assign]
    sys.addaudithook(acts.heard)


if __name__ == "__main__":
    mortal(int(sys.argv[1]))
    sys.argv[1:] = sys.argv[2:]
    main()
