"""The fake server as a process: `python -m tests.support.fake_ollama [--offer NAME] [--state DIR]`.

Prints its address as the first line and serves until it is interrupted or killed.
"""

from __future__ import annotations

import argparse
import signal
import threading
from pathlib import Path

from tests.support.fake_ollama.fake import FakeOllama, running


def main() -> None:
    parser = argparse.ArgumentParser(prog="fake_ollama", description=__doc__)
    parser.add_argument(
        "--offer", action="append", default=[], metavar="NAME", help="can be pulled"
    )
    parser.add_argument("--hold", action="append", default=[], metavar="NAME", help="is there")
    parser.add_argument("--state", type=Path, metavar="DIR", help="kept from run to run")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--pace", type=float, default=0.0, help="seconds for each line of a pull")
    chosen = parser.parse_args()
    fake = FakeOllama(offered=chosen.offer or ["llama3.1:8b", "qwen3"], state=chosen.state)
    fake.pull_pace = chosen.pace
    if chosen.state is not None:
        # A start throws away what nothing uses; parts stay, as they are not old yet.
        fake.restart(lose_parts=False)
    fake.add(*chosen.hold)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with running(fake, chosen.port):
        print(fake.url, flush=True)
        ended.wait()


if __name__ == "__main__":
    main()
