"""Which run counts as the best."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from mlws_scaffold.experiments.results import Run, best

START = datetime(2026, 1, 1, tzinfo=UTC)


def _run(name: str, accuracy: float, status: str = "FINISHED", **tags: str) -> Run:
    dotted = {f"mlws.{key.replace('_', '.')}": value for key, value in tags.items()}
    return Run(name, "e", status, START, None, {"accuracy": accuracy}, {}, dotted)


def _best(*runs: Run, goal: str = "maximize", allow_dirty: bool = False) -> str | None:
    found = best(runs, "accuracy", goal, allow_dirty=allow_dirty)
    return found.run_id if found else None


@pytest.mark.parametrize(("goal", "expected"), [("maximize", "high"), ("minimize", "low")])
def test_the_goal_decides_what_is_better(goal: str, expected: str) -> None:
    assert _best(_run("low", 0.1), _run("high", 0.9), goal=goal) == expected


def test_unfinished_and_broken_runs_never_count() -> None:
    runs = (_run("failed", 0.9, "FAILED"), _run("nan", math.nan), _run("fine", 0.2))
    assert _best(*runs) == "fine"
    assert _best(*runs[:2]) is None


def test_a_dirty_run_counts_only_when_asked() -> None:
    runs = (_run("dirty", 0.9, git_dirty="true"), _run("clean", 0.2, git_dirty="false"))
    assert _best(*runs) == "clean"
    assert _best(*runs, allow_dirty=True) == "dirty"


def test_a_repetition_proves_the_first_run_and_does_not_replace_it() -> None:
    assert _best(_run("again", 0.9, reproduces="first"), _run("first", 0.9)) == "first"
