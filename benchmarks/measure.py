"""Runs commands in turn and reports the processor time of each whole process tree."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Case:
    """A named command; `prepare` runs before each round and is not measured."""

    name: str
    command: Sequence[str | Path]
    prepare: Callable[[], None] = field(default=lambda: None)
    folder: Path = field(default_factory=Path.cwd)


def environment() -> dict[str, str]:
    """The caller's environment with bytecode on: without it every start measures the compiler."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


def seconds(case: Case) -> float:
    """User and system time of one run, children included."""
    case.prepare()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [str(part) for part in case.command],
        cwd=case.folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def medians(cases: Sequence[Case], rounds: int) -> dict[str, float]:
    """Median seconds of each case; all cases take turns so that other load hits them alike."""
    for case in cases:
        seconds(case)  # warm-up: bytecode, file cache
    taken: dict[str, list[float]] = {case.name: [] for case in cases}
    for _ in range(rounds):
        for case in cases:
            taken[case.name].append(seconds(case))
    return {name: statistics.median(values) for name, values in taken.items()}


def table(results: dict[str, float], against: Sequence[str]) -> str:
    """Milliseconds of processor time, and the ratio to each of the named cases."""
    heads = ["case", "CPU ms", *(f"/ {name}" for name in against)]
    rows = [
        [name, f"{value * 1000:.0f}", *(f"{value / results[other]:.2f}" for other in against)]
        for name, value in results.items()
    ]
    widths = [max(len(row[index]) for row in [heads, *rows]) for index in range(len(heads))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in [heads, *rows]
    ]
    return "\n".join(line.rstrip() for line in lines)
