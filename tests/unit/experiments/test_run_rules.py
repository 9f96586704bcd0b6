"""What makes two runs the same, what lives, which day is meant, which metric differs."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from mlws_scaffold.adapters import children
from mlws_scaffold.errors import UsageError
from mlws_scaffold.experiments import journal
from mlws_scaffold.experiments.results import Run
from mlws_scaffold.experiments.run import fingerprint, liveness, reproduction

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


def test_order_seed_and_places_do_not_change_the_configuration() -> None:
    one = fingerprint.of_config({"a": 1, "seed": 1, "b": {"c": [1, 2], "output_dir": "x"}}, ())
    two = fingerprint.of_config({"b": {"c": [1, 2]}, "a": 1}, ("--outputs", "elsewhere"))
    assert one == two
    assert fingerprint.of_config({"a": 1, "b": {"c": [2, 1]}}, ()) != one
    assert fingerprint.of_config({"b": {"c": [1, 2]}, "a": 1}, ("--resume",)) != one
    assert fingerprint.seed_in({"a": 1, "training": {"seed": 7}}) == "7"
    assert fingerprint.seed_in({"seed": 3, "training": {"seed": 7}}) == "3"


def test_a_process_is_known_by_its_start_too() -> None:
    own = children.identity(os.getpid())
    assert children.alive(own) is True
    assert children.alive(f"{os.getpid()}@another-start") is False
    assert children.alive(f"{os.getpid()}@") is None
    assert children.alive("") is None
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert children.alive(f"{ended.pid}@x") is False


def _run(status: str = "RUNNING", **tags: str) -> Run:
    known = {"mlws.experiment_id": "x", "mlws.host": "another"}
    named = {f"mlws.{name}": value for name, value in tags.items()}
    return Run("r", "x", status, NOW, None, tags={**known, **named})


def test_an_old_heartbeat_from_elsewhere_is_a_lost_run() -> None:
    fresh = (NOW - timedelta(seconds=90)).isoformat()
    assert liveness.state_of(_run(heartbeat=fresh), NOW) == "running"
    assert liveness.state_of(_run(heartbeat=fresh), NOW + timedelta(hours=1)) == "lost"
    assert liveness.state_of(_run(heartbeat="broken"), NOW + timedelta(hours=1)) == "lost"
    assert liveness.state_of(_run("KILLED", lost="true"), NOW) == "lost"
    assert liveness.state_of(_run("KILLED"), NOW) == "killed"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yesterday", "2026-11-20T23:00:00+00:00"),
        ("2026-10-19", "2026-10-18T22:00:00+00:00"),
        ("12h", "2026-11-21T22:00:00+00:00"),
        ("7d", "2026-11-15T10:00:00+00:00"),
    ],
)
def test_days_begin_where_the_team_lives(text: str, expected: str) -> None:
    assert journal.since(text, "Europe/Berlin", NOW).isoformat() == expected


def test_a_wrong_time_is_refused_with_what_would_be_right() -> None:
    with pytest.raises(UsageError, match="'soon' is no time"):
        journal.since("soon", "UTC", NOW)
    with pytest.raises(UsageError, match="no time zone"):
        journal.since("7d", "Mars/Base", NOW)


def test_metrics_are_equal_near_or_different_and_clocks_are_left_aside() -> None:
    old = {"a": 1.0, "b": 1.0, "c": 1.0, "gone": 1.0, "n": float("nan"), "train_seconds": 1.0}
    new = {"a": 1.0, "b": 1.001, "c": 1.1, "n": float("nan"), "train_seconds": 9.0}
    metrics, aside = reproduction.compare(old, new, 0.01)
    assert {metric.name: metric.verdict for metric in metrics} == {
        "a": "equal",
        "b": "within tolerance",
        "c": "different",
        "gone": "different",
        "n": "equal",
    }
    assert aside == ("train_seconds",)
