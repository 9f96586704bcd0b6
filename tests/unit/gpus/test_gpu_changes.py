"""Changing reservations from outside: JSON, dry runs, idle ones, two people at one moment."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mlws_scaffold.gpus.reservations import opening
from mlws_scaffold.workspace import config
from tests.unit.gpus.conftest import MLWS, mlws

TEAM = """\
[gpus]
store = "sqlite:///gpus.db"
idle_minutes = 30
[team.ann]
email = "researcher@example.org"
role = "lead"
[team.ben]
"""


def shown(place: Path, *words: str) -> Any:
    done = mlws(place, *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_dry_run_says_what_would_be_and_changes_nothing(place: Path) -> None:
    assert shown(place, "reserve", "--for", "1h", "--dry-run")["id"] == 1
    assert shown(place, "list") == []
    before = shown(place, "reserve", "--for", "1h")
    again = shown(place, "extend", "1", "--for", "1h", "--dry-run")
    assert again["ends"] > before["ends"]
    assert shown(place, "release", "1", "--dry-run")["state"] == "released"
    assert shown(place, "transfer", "1", "ben", "--dry-run")["person"] == "ben"
    assert shown(place, "queue", "--for", "1h", "--dry-run") == []
    assert shown(place, "list") == [before]
    assert len(shown(place, "log")) == 1


def test_every_change_answers_in_json(place: Path) -> None:
    before = shown(place, "reserve", "--gpus", "2", "--for", "1h")
    assert shown(place, "extend", "1", "--for", "1h")["ends"] > before["ends"]
    [ticket] = shown(place, "queue", "--for", "2h", "--min-memory", "40GB", "--researcher", "ben")
    assert (ticket["person"], ticket["memory"], ticket["hold"]) == ("ben", 40 * 10**9, None)
    refused = mlws(place, "queue", "--for", "2h", "--min-memory", "400GB")
    assert refused.returncode == 2
    assert shown(place, "transfer", "1", "ben")["person"] == "ben"
    assert shown(place, "release", "1", "--reason", "his run is over")["state"] == "released"


def test_an_idle_booking_is_released_when_asked_and_a_working_one_is_not(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for gpu, who in (("0", "ann"), ("1", "ben")):
        mlws(place, "reserve", "--gpu", gpu, "--for", "4h", "--researcher", who)
    mlws(place, "status")
    assert shown(place, "release", "--idle") == []  # the first look starts the time
    rewind(place, 1900)
    assert [row["person"] for row in shown(place, "release", "--idle", "--dry-run")] == [
        "ann",
        "ben",
    ]
    mlws(place, "run", "--", "true")  # ann works on hers
    assert [row["person"] for row in shown(place, "release", "--idle")] == ["ben"]
    assert [row["person"] for row in shown(place, "list")] == ["ann"]
    assert "unused for 31 min" in mlws(place, "log").stdout
    rewind(place, 1900)
    monkeypatch.setenv("FAKE_NVML_PID", "1")
    assert shown(place, "release", "--idle") == []
    mlws(place, "reserve", "--gpu", "1", "--for", "10m")
    done = subprocess.run([MLWS, "status"], cwd=place, capture_output=True, text=True, check=True)
    assert "note: " in done.stdout
    assert "reservation 3 ends in" in done.stdout


def rewind(place: Path, seconds: int) -> None:
    """As if the reservations and the looks had been so much earlier."""
    with opening.opened(config.load(place)) as store:
        for table in ("reserved_gpu", "reservation"):
            store.execute(f"UPDATE {table} SET begins = begins - ?", (seconds,))
        store.execute("UPDATE reservation SET idle = idle - ?", (seconds,))


def test_two_people_who_release_at_once_both_succeed_and_it_is_done_once(place: Path) -> None:
    mlws(place, "reserve", "--gpus", "2", "--for", "4h")
    mlws(place, "queue", "--for", "1h", "--researcher", "ben")
    start = time.time() + 1.5
    code = f"import time, os; time.sleep(max(0, {start} - time.time())); os.execv({str(MLWS)!r}, "
    both = [
        subprocess.Popen(
            [sys.executable, "-c", f"{code}['mlws', 'gpu', 'release', '1', '--reason', 'over'])"],
            cwd=place,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for shell in both:
        assert "error" not in shell.communicate(timeout=120)[1]
        assert shell.returncode == 0
    actions = [row["action"] for row in shown(place, "log")]
    assert actions.count("release") == actions.count("hold") == 1
    [held] = shown(place, "list")
    assert (held["person"], held["kind"]) == ("ben", "hold")
