"""What the index over all branches costs: `mlws experiment list --json` on generated experiments
against parsing every metadata.yaml with PyYAML's C loader, and git dates against one `git log`.

python benchmarks/index.py [--experiments N] [--rounds N]
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from measure import Case, environment, medians, table

from mlws_scaffold.experiments.index import activity, branches, cache, watch
from mlws_scaffold.workspace.layout import Layout

BIN = Path(sys.executable).parent
LIST = [BIN / "mlws", "experiment", "list", "--json"]
FLOOR = """\
import sys, yaml
from pathlib import Path
for path in Path(sys.argv[1]).glob("experiments/*/*/*/metadata.yaml"):
    yaml.load(path.read_bytes(), yaml.CSafeLoader)
"""
WORDS = [
    "chunk",
    "size",
    "reranker",
    "dense",
    "sparse",
    "seed",
    "rate",
    "dropout",
    "legal",
    "medical",
    "prompt",
    "context",
]
COMMITS, BRANCHES = 500, 100


def _files(number: int, chance: random.Random) -> Iterator[tuple[str, str]]:
    person, name = f"person{number % 25:02d}", f"exp-{number:05d}"
    goal = " ".join(chance.choices(WORDS, k=8))
    state = chance.choice(["planned", "in_progress", "completed"])
    folder = f"experiments/active/{person}/{name}"
    yield (
        f"{folder}/metadata.yaml",
        f"experiment_id: {name}\nresearcher: {person}\ncreated: 2025-10-19\nstatus: {state}\n"
        f"goal: {goal}\nhypothesis: {goal} helps\ntags: [{chance.choice(WORDS)}, rag]\n"
        f"mlflow_experiment: {name}\nowner: {person}\n"
        "primary_metric: {name: accuracy, goal: maximize, target: 0.9}\n"
        f"results:\n  best_metric: 0.{number}\n  metric: accuracy\n  run_id: r{number}\n"
        f"conclusion: {goal} again\n",
    )
    yield f"{folder}/README.md", f"# {name}\n\n## Goal\n\n{goal}\n\n" + " ".join(WORDS * 5) + "\n"
    yield f"{folder}/config.yaml", f"seed: {number}\n"
    yield f"{folder}/train.py", "print(1)\n"


def generate(root: Path, count: int) -> None:
    """A repository with that many experiments, made by 500 commits on main; every hundredth has a
    newer version on a branch of its own.
    """
    chance = random.Random(1)
    stream = []

    def add(path: str, text: str) -> None:
        data = text.encode()
        stream.append(b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(data), data))

    step = max(1, count // COMMITS)
    for number in range(count):
        if number % step == 0:
            when = 1_750_000_000 + number
            head = (
                f"commit refs/heads/main\ncommitter A <a@example.org> {when} +0000\ndata 3\nadd\n"
            )
            stream.append(head.encode())
        if number == 0:
            add("mlws.toml", '[workspace]\nname = "big"\n')
        for path, text in _files(number, chance):
            add(path, text)
    for number in range(0, count, max(1, count // BRANCHES)):
        path, text = next(_files(number, chance))
        when = 1_760_000_000 + number
        head = f"commit refs/heads/experiment/{number}\ncommitter A <a@example.org> {when} +0000\n"
        stream.append(f"{head}data 3\nadd\nfrom refs/heads/main\n".encode())
        add(path, text + "x_note: seen again\n")
    git = ["git", "-C", str(root)]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    subprocess.run([*git, "fast-import", "--quiet"], input=b"".join(stream), check=True)
    subprocess.run([*git, "checkout", "-q", "-f", "main"], check=True)
    subprocess.run([*git, "gc", "-q"], check=True)


def _used() -> float:
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in both)


def dates(root: Path, rounds: int) -> dict[str, float]:
    """CPU seconds of a plain pass of git log over all branches, read to its end; of ours with all
    it finds; and of ours kept in a table, with what git is asked where branches differ.
    """
    seen = watch.look(Layout(root))
    found = seen.repository
    assert found is not None
    tips = [tip.commit for tip in seen.tips]
    plain = ("log", "--branches", "--remotes", "--name-only", "--format=%x00%ct")
    taken: dict[str, list[float]] = {
        "git log --name-only": [],
        "dates of all folders": [],
        "kept, and by version": [],
        "nothing new": [],
    }
    with found.git.objects() as objects:
        versions, _ = branches.versions(objects, "", seen.tips)

    def kept() -> list[object]:
        with cache.opened(None, lambda made: made) as made, found.git.objects() as objects:
            activity.note(made, objects, seen)
            made.execute("create temp table present (path, oid)")
            rows = ((item.path, item.oid) for item in versions)
            made.executemany("insert into present values (?, ?)", rows)
            return list(activity.times(made, objects, seen))

    for _round in range(rounds):
        for name, read in (
            ("git log --name-only", lambda: found.git.lines(*plain)),
            ("kept, and by version", kept),
            ("dates of all folders", lambda: activity.since(found.git, "", tips, [], frozenset())),
            ("nothing new", lambda: activity.since(found.git, "", tips, tips, frozenset())),
        ):
            before = _used()
            for _ in read():
                pass
            taken[name].append(_used() - before)
    return {name: statistics.median(values) for name, values in taken.items()}


def peak(root: Path) -> float:
    """MiB of the largest process of a warm list."""
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL,"
        " check=True); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
    )
    command = [sys.executable, "-c", code, *map(str, LIST)]
    done = subprocess.run(command, cwd=root, env=environment(), capture_output=True, check=True)
    return float(done.stdout)


def processes(root: Path, work: Path) -> int:
    """How many git processes a warm list starts."""
    log, wrapper = work / "calls", work / "bin/git"
    wrapper.parent.mkdir(exist_ok=True)
    real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout
    wrapper.write_text(f'#!/bin/sh\necho "$1" >> {log}\nexec {real.strip()} "$@"\n')
    wrapper.chmod(0o755)
    env = {**environment(), "PATH": f"{wrapper.parent}:{os.environ['PATH']}"}
    subprocess.run(LIST, cwd=root, env=env, stdout=subprocess.DEVNULL, check=True)
    return len(log.read_text().splitlines())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mlws-benchmark-") as name:
        work, root = Path(name), Path(name) / "big"
        root.mkdir()
        os.environ["XDG_STATE_HOME"] = str(work / "state")
        generate(root, asked.experiments)
        before, started = _used(), time.monotonic()
        subprocess.run(LIST, cwd=root, env=environment(), stdout=subprocess.DEVNULL, check=True)
        cold = _used() - before
        print(f"cold list: {cold:.1f} s CPU, {time.monotonic() - started:.1f} s wall\n")
        cases = [
            Case("PyYAML C loader", [sys.executable, "-c", FLOOR, root]),
            Case("mlws experiment list --json", LIST, folder=root),
        ]
        print(table(medians(cases, asked.rounds), ["PyYAML C loader"]))
        print()
        print(table(dates(root, asked.rounds), ["git log --name-only"]))
        print(f"\npeak memory of a warm list: {peak(root):.0f} MiB")
        print(f"git processes of a warm list: {processes(root, work)}")


if __name__ == "__main__":
    main()
