"""A deployer that is killed in front of its Nth act: `python killed.py N mlws-arguments…`.

An act changes something outside: a file beside the proxy, a command to it, a process started or
ended. Stages end at once here, so that only the mechanics are tried; says how many acts there were.
"""

import os
import signal
import sys

from mlws_scaffold.adapters.daemons import Daemon
from mlws_scaffold.adapters.haproxy.runtime import Runtime
from mlws_scaffold.agents.deploying import watch
from mlws_scaffold.agents.targets.process import Machine
from mlws_scaffold.cli.app import main

left = int(sys.argv.pop(1))
done = 0


def deadly(room: type, name: str) -> None:
    act = getattr(room, name)

    def counted(*given: object, **named: object) -> object:
        global done
        done += 1
        if done == left:
            os.kill(os.getpid(), signal.SIGKILL)
        return act(*given, **named)

    setattr(room, name, counted)


deadly(Machine, "write")
deadly(Runtime, "_set")
deadly(Daemon, "start")
deadly(Daemon, "stop")
watch.stage = lambda work: {"percent": work.begun.percent, "verdict": "pass", "reason": "mechanics"}
try:
    main()
finally:
    print(f"acts: {done}", file=sys.stderr)
