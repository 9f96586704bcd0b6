"""A deployer that is killed in front of its Nth act: `python killed_deployer.py N mlws-arguments…`.

An act changes something outside: a file beside the proxy, a command to it, a process started or
ended; LAB_FOLDER/died.txt says which it was. Stages end at once here, so that only the mechanics
are tried, unless LAB_STAGES is `judged`; says how many acts there were.
"""

import os
import signal
import sys
from pathlib import Path

from mlws_scaffold.adapters.daemons import Daemon
from mlws_scaffold.adapters.haproxy.runtime import Runtime
from mlws_scaffold.agents.deploying import watch
from mlws_scaffold.agents.deploying.work import Work
from mlws_scaffold.agents.targets.compose import Host
from mlws_scaffold.agents.targets.process import Machine
from mlws_scaffold.cli.app import main


class Deadly:
    """Counts acts, and dies in front of one."""

    def __init__(self, act: int) -> None:
        self.left, self.done = act, 0

    def make(self, room: type, name: str) -> None:
        act = getattr(room, name)

        def counted(*given: object, **named: object) -> object:
            self.done += 1
            if self.done == self.left:
                told = " ".join(word for word in given[1:] if isinstance(word, str))
                # The first words: what a file would hold is not of interest.
                died = f"{name} {told}".split("\n")[0].split(" {")[0].split(" #")[0]
                Path(os.environ["LAB_FOLDER"], "died.txt").write_text(died)
                os.kill(os.getpid(), signal.SIGKILL)
            return act(*given, **named)

        setattr(room, name, counted)


def measured(work: Work) -> dict[str, object]:
    return {"percent": work.begun.percent, "verdict": "pass", "reason": "mechanics alone"}


if __name__ == "__main__":
    deadly = Deadly(int(sys.argv.pop(1)))
    for room, name in (
        (Machine, "write"),
        (Host, "write"),
        (Runtime, "_set"),
        (Daemon, "start"),
        (Daemon, "stop"),
    ):
        deadly.make(room, name)
    if os.environ.get("LAB_STAGES") != "judged":
        watch.stage = measured
    try:
        main()
    finally:
        print(f"acts: {deadly.done}", file=sys.stderr)
