"""What callers get while an agent is deployed, taken back, and its deployer is killed.

Run `PYTHONPATH=. python benchmarks/canary.py [--rate N] [--every N] [--only WORD]`. Steady chats go
through a real HAProxy to real processes, deployed by `mlws agent deploy --target process`:

- good, and each fault (tests/support/canary_lab/agent.py), at the steps 10, 50, 100;
- a rollback;
- a deployer killed with SIGKILL in front of its 1st, 2nd, … act (with --every N: of each Nth), then
  `--resume`, then the same with `--abort`.

Failed chats, as callers saw them, are a bad canary's `own` (they reached it) or `ours`. The goal is
none of ours, none that ran `twice`, none that the canary got `late`, after the command's end. The
`canary` got so many chats, its `share` while it got any, for `s` seconds of the command's `all s`.
Exits with 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.canary_lab.traffic import Traffic, served_twice, steady
from tests.support.deploy_workspace import House
from tests.support.deployed import Deployed, placed

STABLE = "1.0.0"
FIRST_STEP = 10


@dataclass(slots=True)
class Row:
    """One line of the table. Counts are of chats, times are seconds."""

    name: str
    sent: int
    own: int = 0
    ours: int = 0
    twice: int = 0
    late: int = 0
    canary: int = 0
    exposed: float = 0.0
    whole: float = 0.0
    share: float = 0.0
    ended: str = ""
    wrong: list[str] = field(default_factory=list)

    def line(self) -> str:
        counts = (self.sent, self.own, self.ours, self.twice, self.late, self.canary)
        numbers = "".join(f"{count:>7}" for count in counts)
        share = f"{self.share:.0%}" if self.share else "-"
        return f"{self.name:30}{numbers}{share:>7}{self.exposed:>7.1f}{self.whole:>7.1f}"


HEAD = f"{'case':30}" + "".join(
    f"{word:>7}"
    for word in ("sent", "own", "ours", "twice", "late", "canary", "share", "s", "all s")
)


@dataclass(frozen=True, slots=True)
class Lab:
    """A workspace whose agent is deployed on this machine, and the rate of its traffic."""

    deployed: Deployed
    rate: float

    @property
    def house(self) -> House:
        return self.deployed.house

    def traffic(self) -> AbstractContextManager[Traffic]:
        return steady(self.house.port, self.rate)

    @property
    def serving(self) -> str:
        """The version that callers get now."""
        with self.traffic() as load:
            time.sleep(5 / self.rate)
        return "+".join(sorted(load.by_version()))

    def row(self, name: str, load: Traffic, canary: str, ended: float) -> Row:
        """What callers got; `canary` is the version under suspicion, `ended` when all was over."""
        served = dict(
            line.split(" ", 1) for line in (self.house.lab / "served.log").read_text().splitlines()
        )
        of_canary = [one for one in load.sent if served.get(one.name) == canary]
        own = [one for one in load.failed if served.get(one.name) == canary]
        row = Row(name, len(load.sent), len(own), len(load.failed) - len(own))
        names = {one.name for one in load.sent}
        row.twice = len(names & set(served_twice(self.house.lab)))
        row.canary = len(of_canary)
        row.late = sum(1 for one in of_canary if one.begun > ended)
        if of_canary:
            first, last = of_canary[0].begun, max(one.begun for one in of_canary)
            row.exposed = last - first
            row.share = len(of_canary) / sum(1 for one in load.sent if first <= one.begun <= last)
        return row


@contextmanager
def lab(rate: float) -> Iterator[Lab]:
    """Version 1.0.0 serves."""
    with tempfile.TemporaryDirectory(prefix="canary-") as folder, placed(Path(folder)) as made:
        made.mlws("deploy", "helper")
        yield Lab(made, rate)


def good(rate: float) -> list[Row]:
    """A good version, and back by a rollback."""
    with lab(rate) as here:
        version = "2.0.0"
        here.house.commit(version)
        with here.traffic() as load:
            begun = time.monotonic()
            ran = here.deployed.run("deploy", "helper", "--steps", "10,50,100")
            ended = time.monotonic()
            time.sleep(1)
        row = here.row("good", load, version, float("inf"))
        row.whole, row.ended = ended - begun, f"{version} serves"
        if ran.returncode or here.serving != version:
            row.wrong.append(f"not deployed: {ran.stdout}{ran.stderr}")
        with here.traffic() as load:
            time.sleep(0.5)
            begun = time.monotonic()
            ran = here.deployed.run("rollback", "helper")
            ended = time.monotonic()
            time.sleep(1)
        back = here.row("rollback", load, version, ended)
        back.whole, back.ended = ended - begun, f"{STABLE} serves"
        if ran.returncode or here.serving != STABLE:
            back.wrong.append(f"not rolled back: {ran.stdout}{ran.stderr}")
    for one in (row, back):
        _require_none(one, own=0)
    return [row, back]


def bad(name: str, fault: str, rate: float) -> Row:
    """A bad version: taken back, and only its own chats fail."""
    with lab(rate) as here:
        if fault == "never-ready":
            config = here.house.root / "mlws.toml"
            config.write_text(config.read_text().replace("limit_seconds = 60", "limit_seconds = 5"))
        if fault == "hangs":  # a promise, so that twice as long without a sign is a hang
            with (here.house.agent / "agent.yaml").open("a") as file:
                file.write("slo:\n  latency_p95: 1s\n")
        version = "2.0.0"
        here.house.commit(version, fault)
        with here.traffic() as load:
            begun = time.monotonic()
            ran = here.deployed.run("deploy", "helper", "--steps", "10,50,100")
            ended = time.monotonic()
            time.sleep(1)
        row = here.row(name, load, version, ended)
        row.whole = ended - begun
        why = next((line for line in ran.stdout.splitlines() if "why" in line), "?")
        row.ended = why.strip().removeprefix("why").strip()
        if ran.returncode != 1 or here.serving != STABLE:
            row.wrong.append(f"not taken back: {ran.returncode} {ran.stdout}{ran.stderr}")
    _require_none(row, own=None)
    # Round robin may begin with the canary: one chat more than its share.
    if row.canary > 0.01 * FIRST_STEP * row.sent + 1:
        row.wrong.append(f"the canary got {row.canary} of {row.sent} chats")
    return row


def killed(how: str, rate: float, every: int) -> Row:
    """The deployer is killed in front of each act, then `how`; all in one row."""
    total, points = Row(f"kill -9, then {how}", 0), 0
    with lab(rate) as here:
        stable, number = here.serving, 1
        died = here.house.lab / "died.txt"
        made, version = 1, "2.1.0"
        here.house.commit(version)
        while True:
            died.unlink(missing_ok=True)
            with here.traffic() as load:
                here.deployed.run("deploy", "helper", "--steps", "50,100", die=number)
                if not died.exists():
                    break
                begun = time.monotonic()
                ran = here.deployed.run("deploy", "helper", how)
                ended = time.monotonic()
                time.sleep(0.3)
            point = f"{number}: {died.read_text()}"
            points += 1
            row = here.row(point, load, version, ended if how == "--abort" else float("inf"))
            serving = here.serving
            _require_none(row, own=0)
            # Before the first word in the journal, and after the last, there is nothing to do.
            nothing = "nothing was under way" in ran.stdout or ran.returncode == 2
            wanted = {stable, version} if nothing else {version if how == "--resume" else stable}
            if serving not in wanted:
                row.wrong.append(f"{serving} serves: {ran.stdout}{ran.stderr}")
            if ran.returncode not in ((2,) if nothing and how == "--abort" else (0, 1)):
                row.wrong.append(f"exit {ran.returncode}: {ran.stdout}{ran.stderr}")
            for name in ("sent", "own", "ours", "twice", "late", "canary"):
                setattr(total, name, getattr(total, name) + getattr(row, name))
            total.whole = max(total.whole, ended - begun)
            total.wrong += [f"{point}: {text}" for text in row.wrong]
            print(
                f"  {how} {point}: {serving} serves, {row.sent} sent, {row.ours} failed", flush=True
            )
            number += every
            if serving == version:
                made += 1
                stable, version = version, f"2.{made}.0"
                here.house.commit(version)
    total.ended = f"{points} points; the longest {how[2:]} took {total.whole:.1f} s"
    return total


def _require_none(row: Row, own: int | None) -> None:
    if row.ours or (own == 0 and row.own):
        row.wrong.append(f"{row.ours + row.own} chats failed")
    if row.twice:
        row.wrong.append(f"{row.twice} chats ran twice")
    if row.late:
        row.wrong.append(f"{row.late} chats went to the canary after the end")


BAD = {
    "500 for 5 % of chats": "errors",
    "error inside 12 % of streams": "hidden",
    "3 times slower": "slow",
    "dies in mid-stream": "dies",
    "hangs": "hangs",
    "ends at its start": "exits",
    "never ready": "never-ready",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--rate", type=float, default=80.0, help="chats a second")
    parser.add_argument("--every", type=int, default=1, help="kill at each Nth act only")
    parser.add_argument("--only", default="", help="cases whose name holds this word")
    asked = parser.parse_args()
    os.environ["LAB_STAGES"] = "judged"
    rows: list[Row] = []
    if asked.only in "good rollback":
        rows += good(asked.rate)
    rows += [bad(name, fault, asked.rate) for name, fault in BAD.items() if asked.only in name]
    for how in ("--resume", "--abort"):
        if asked.only in f"kill -9, then {how}":
            rows.append(killed(how, asked.rate, asked.every))
    print(HEAD)
    for row in rows:
        print(f"{row.line()}  {row.ended}")
    wrong = [f"{row.name}: {text}" for row in rows for text in row.wrong]
    for text in wrong:
        print(f"missed: {text}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
