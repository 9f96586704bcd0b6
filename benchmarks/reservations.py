"""Reserving from several processes at once: attempts a second, double bookings, lost ones, errors.

python benchmarks/reservations.py [--attempts 100000] [--processes 16] [--ways sqlite,postgresql]

The article's JSON file and the same file under flock hold a list that every attempt reads and
writes whole, so they get few attempts. With --kill, writers are killed and started again.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import itertools
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from mlws_scaffold.gpus import store
from mlws_scaffold.gpus.reservations import choosing, reading
from mlws_scaffold.gpus.reservations.choosing import Entry
from mlws_scaffold.gpus.reservations.tables import TABLES
from mlws_scaffold.gpus.reservations.values import Gpu, Wish
from mlws_scaffold.gpus.store import Overlap, Store
from tests.support import postgresql

GPUS = [Gpu("box", f"GPU-{number}", number) for number in range(8)]
FILES = ("article", "flock")
WAYS = (*FILES, "sqlite", "relaxed", "postgresql")


def attempt(chance: random.Random) -> tuple[Gpu, int, int]:
    begins = 10**6 + chance.randrange(20_000) * 600
    return chance.choice(GPUS), begins, begins + chance.choice((600, 1800, 3600))


def in_store(url: str, seed: int, attempts: int, told: str) -> None:
    chance = random.Random(seed)
    opened = store.connect(url, Path("/"))
    with Path(told).open("a", buffering=1) as file:
        for _ in range(attempts):
            gpu, begins, ends = attempt(chance)
            with contextlib.suppress(Overlap):
                number = store.transact(
                    opened, lambda g=gpu, b=begins, e=ends: insert(opened, g, b, e)
                )
                file.write(f"{number}\n")


def insert(opened: Store, gpu: Gpu, begins: int, ends: int) -> int:
    return choosing.insert(opened, Entry("p", "p", "booking", Wish(begins, ends), (gpu,)))


def in_file(path: str, seed: int, attempts: int, told: str) -> None:
    """As the article does it: read all, look, append, write all."""
    chance = random.Random(seed)
    for number in range(attempts):
        gpu, begins, ends = attempt(chance)
        with turn(path), Path(told).open("a") as file:
            try:
                listed = json.loads(Path(path).read_text())["reservations"]
            except ValueError:
                file.write("error\n")
                continue
            if any(r[0] == gpu.uuid and r[1] < ends and begins < r[2] for r in listed):
                continue
            listed.append([gpu.uuid, begins, ends, f"{seed}-{number}"])
            Path(path).write_text(json.dumps({"reservations": listed}))
            file.write(f"{seed}-{number}\n")


@contextlib.contextmanager
def turn(path: str) -> Iterator[None]:
    if not path.endswith("flock"):
        yield
        return
    with Path(f"{path}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def measure(way: str, place: str, folder: Path, options: argparse.Namespace) -> None:
    attempts = options.file_attempts if way in FILES else options.attempts
    work = in_file if way in FILES else in_store
    share = attempts // options.processes
    context = multiprocessing.get_context("fork")
    told = [folder / f"{way}-{seed}" for seed in range(options.processes)]

    def begin(seed: int, number: int) -> multiprocessing.process.BaseProcess:
        made = context.Process(target=work, args=(place, seed, number, str(told[seed % len(told)])))
        made.start()
        return made

    began = time.perf_counter()
    workers = [begin(seed, share) for seed in range(options.processes)]
    kills, chance = 0, random.Random(7)
    while any(worker.is_alive() for worker in workers):
        time.sleep(0.2)
        if options.kill and way not in FILES and kills < options.kill:
            index = chance.randrange(len(workers))
            if workers[index].is_alive():
                os.kill(workers[index].pid or 0, signal.SIGKILL)
                workers[index].join()
                kills += 1
                workers[index] = begin(index + kills * len(workers), share)
    seconds = time.perf_counter() - began
    said = [line for path in told if path.exists() for line in path.read_text().split()]
    rows = kept(way, place)
    numbers = {row[3] for row in rows}
    lost = sum(line not in numbers for line in said if line != "error")
    print(
        f"{way:<11} {share * options.processes:>9} {share * options.processes / seconds:>11.0f}"
        f" {len(rows):>8} {twice(rows):>7} {lost:>5} {said.count('error'):>7} {kills:>6}",
        flush=True,
    )


def kept(way: str, place: str) -> list[tuple[str, int, int, str]]:
    if way in FILES:
        try:
            return [tuple(row) for row in json.loads(Path(place).read_text())["reservations"]]
        except ValueError:
            return []
    opened = store.connect(place, Path("/"))
    rows = opened.execute("SELECT gpu, begins, ends, reservation FROM reserved_gpu")
    return [(str(gpu), int(b), int(e), str(number)) for gpu, b, e, number in rows]  # type: ignore[arg-type]


def twice(rows: list[tuple[str, int, int, str]]) -> int:
    ordered = sorted(rows)
    return sum(one[0] == two[0] and two[1] < one[2] for one, two in itertools.pairwise(ordered))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--attempts", type=int, default=100_000)
    parser.add_argument("--file-attempts", type=int, default=800)
    parser.add_argument("--processes", type=int, default=16)
    parser.add_argument("--kill", type=int, default=0, help="So many kill -9 at random.")
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--folder", type=Path, help="On the disk to be measured.")
    options = parser.parse_args()
    print(f"{'store':<11} {'attempts':>9} {'attempts/s':>11} {'booked':>8} {'double':>7}", end="")
    print(f" {'lost':>5} {'errors':>7} {'killed':>6}")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=options.folder)))
        for way in options.ways.split(","):
            place = str(folder / way)
            if way in FILES:
                Path(place).write_text('{"reservations": []}')
            else:
                relaxed = "?durability=relaxed" if way == "relaxed" else ""
                place = f"sqlite:///{place}.db{relaxed}"
                if way == "postgresql":
                    place = stack.enter_context(postgresql.running(folder / "pg"))
                opened = store.connect(place, Path("/"))
                store.migrate(opened, TABLES)
                reading.remember(opened, GPUS)
                opened.close()
            measure(way, place, folder, options)


if __name__ == "__main__":
    main()
