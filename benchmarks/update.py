"""What updating costs: `mlws update` against `copier update`, and doing nothing against git alone.

python benchmarks/update.py [--rounds N] [--agents N] [--copier N]

One workspace and many nested agents of this checkout's own template, ten files of each changed
between two tags and one edited by the team. `copier update` needs a clean tree and one run for
each project, with a commit between; it is measured on a few agents (--copier), the rest is
multiplied. CPU seconds are of all processes together; how many programs were started does not
depend on the machine's noise.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support import template_repo

BIN = Path(sys.executable).parent
FOO = "agents/production/a0"
BARE = (
    "import click, subprocess\n@click.command()\ndef main():\n"
    "    subprocess.run(['git', 'rev-parse', 'HEAD'], check=True, stdout=-3)\nmain()\n"
)


@dataclass(frozen=True)
class Cost:
    """CPU and wall seconds, and how many git processes were started."""

    cpu: float
    wall: float
    git: int


def made(work: Path, agents: int, experiments: int = 0) -> Path:
    """A workspace at v0.1.0 with nested agents, an edit in each, and a template at v0.2.0."""
    template = template_repo.from_checkout(work / "template", "v0.1.0")
    place = work / "ws"
    template_repo.copy(str(template.folder), place, "v0.1.0")
    template_repo.copy(str(template.folder), place / FOO, "v0.1.0", kind="agent")
    for number in range(1, agents):
        shutil.copytree(place / FOO, place / f"agents/production/a{number}")
    if experiments:
        first = place / "experiments/active/researcher/e0"
        goal = {"kind": "experiment", "experiment_goal": "Find out what an update costs"}
        template_repo.copy(str(template.folder), first, "v0.1.0", **goal)
        for number in range(1, experiments):
            shutil.copytree(first, first.with_name(f"e{number}"))
    (place / "pyproject.toml").write_text((place / "pyproject.toml").read_text() + "\n# ours\n")
    for number in range(agents):
        edited = place / f"agents/production/a{number}/pyproject.toml"
        edited.write_text(f"{edited.read_text()}\n# of {number}\n")
    template_repo.commit(place, "First")
    changes: dict[str, str | bytes | None] = {}
    for kind in ("workspace", "agent", "experiment"):
        files = [path for path in sorted((template.folder / "templates" / kind).rglob("*"))
                 if path.is_file() and "{{" not in path.name and path.stat().st_size
                 and path.suffix in (".md", ".yml", ".toml", ".jinja", ".py", ".sh")]  # fmt: skip
        first = [path for path in files if path.name.startswith("pyproject.toml")][:1]
        for path in [*first, *(path for path in files if path not in first)][:10]:
            name = path.relative_to(template.folder).as_posix()
            changes[name] = "# changed in v0.2.0\n" + path.read_text()
    template.release("v0.2.0", changes)
    return place


def measured(command: Sequence[object], place: Path, log: Path | None) -> Cost:
    """Run once; with `log` every git started is counted there, by a wrapper on PATH."""
    environment = dict(os.environ)
    if log is not None:
        wrapper = log.parent / "counting"
        wrapper.mkdir(exist_ok=True)
        real = shutil.which("git")
        (wrapper / "git").write_text(f'#!/bin/sh\necho "$1" >> {log}\nexec {real} "$@"\n')
        (wrapper / "git").chmod(0o755)
        environment["PATH"] = f"{wrapper}:{environment['PATH']}"
        log.write_text("")
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), os.times().elapsed
    subprocess.run([str(part) for part in command], cwd=place, env=environment, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    after, ended = resource.getrusage(resource.RUSAGE_CHILDREN), os.times().elapsed
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu, ended - started, len(log.read_text().splitlines()) if log else 0)


def median(rounds: int, once: Callable[[Path | None], Cost], log: Path) -> Cost:
    """The median of several runs, and the processes of one more."""
    costs = [once(None) for _ in range(rounds)]
    return Cost(
        statistics.median(cost.cpu for cost in costs),
        statistics.median(cost.wall for cost in costs),
        once(log).git,
    )


def on_a_copy(command: Sequence[object], source: Path, folder: str = ".") -> Callable[..., Cost]:
    """Run the command in a fresh copy of the workspace each time."""

    def once(log: Path | None) -> Cost:
        copy = source.with_name("copy")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(source, copy, symlinks=True)
        subprocess.run(["git", "update-index", "-q", "--refresh"], cwd=copy, check=False)
        return measured(command, copy / folder, log)

    return once


def row(name: str, cost: Cost, than: Cost | None = None) -> str:
    ratio = f"{than.cpu / cost.cpu:8.1f}x less" if than else ""
    return f"{name:<44}{cost.cpu:8.2f} s CPU{cost.wall:8.2f} s{cost.git:7} git {ratio}"


def one_workspace(work: Path, rounds: int) -> None:
    place, log = made(work, 1), work / "log"
    copier = [BIN / "copier", "update", "--trust", "--defaults", "--quiet"]
    theirs = median(rounds, on_a_copy(copier, place), log)
    print(row("copier update, the workspace, 10 files", theirs))
    only = [BIN / "mlws", "update", "--only", "."]
    for name, words in (("preview", ["--diff"]), ("on a branch", []), ("in place", ["--here"])):
        cost = median(rounds, on_a_copy([*only, *words], place), log)
        print(row(f"mlws update, the same, {name}", cost, theirs))


def many_agents(work: Path, rounds: int, agents: int, by_copier: int) -> None:
    place, log = made(work, agents), work / "log"
    copier = [BIN / "copier", "update", "--trust", "--defaults", "--quiet"]
    theirs = median(by_copier, on_a_copy(copier, place, FOO), log)
    whole = Cost(theirs.cpu * agents, theirs.wall * agents, theirs.git * agents)
    print(row(f"copier update, {agents} agents (multiplied)", whole))
    for name, words in (("preview", ["--diff"]), ("on a branch", []), ("in place", ["--here"])):
        cost = median(rounds, on_a_copy([BIN / "mlws", "update", *words], place), log)
        print(row(f"mlws update, {agents} agents and root, {name}", cost, whole))
    subprocess.run([str(BIN / "mlws"), "update", "--here"], cwd=place, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    bare = median(2 * rounds, lambda log: measured([sys.executable, "-c", BARE], place, log), log)
    print(row("a bare click command and one git process", bare))
    noop = median(2 * rounds, lambda log: measured([BIN / "mlws", "update"], place, log), log)
    print(f"{row('mlws update with nothing to do', noop)}{noop.cpu / bare.cpu:8.2f}x of it")


def everything(work: Path, rounds: int, agents: int, experiments: int) -> None:
    place, log = made(work, agents, experiments), work / "log"
    for name, words in (("preview", ["--diff"]), ("in place", ["--here"])):
        cost = median(rounds, on_a_copy([BIN / "mlws", "update", *words], place), log)
        print(row(f"and {experiments} experiments, {name}", cost))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--agents", type=int, default=30)
    parser.add_argument("--experiments", type=int, default=200)
    parser.add_argument("--copier", type=int, default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mlws-benchmark-") as name:
        for part in ("one", "many", "all"):
            (Path(name) / part).mkdir()
        one_workspace(Path(name) / "one", asked.rounds)
        many_agents(Path(name) / "many", asked.rounds, asked.agents, asked.copier)
        if asked.experiments:
            everything(Path(name) / "all", 1, asked.agents, asked.experiments)


if __name__ == "__main__":
    main()
