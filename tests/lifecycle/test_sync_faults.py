"""A sync that is disturbed anywhere is set right by the next one, and never lies in between.

`python benchmarks/sync_faults.py` prints the same points as a table.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support import model_workspace as workspace
from tests.support import sync_faults
from tests.support.fake_ollama import FakeOllama, running
from tests.support.sync_faults import SCENARIOS, STREAMED, WHOLE, Scenario, Tally
from tests.support.waiting import until

pytestmark = pytest.mark.slow

MLWS = [sys.executable, "-c", "from mlws_scaffold.cli.app import main; main()"]


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("kind", [*WHOLE, *STREAMED])
def test_every_request_may_go_wrong(tmp_path: Path, scenario: str, kind: str) -> None:
    tally = Tally()
    sync_faults.faults(Scenario(scenario, tmp_path), (kind,), tally)
    print(f"{scenario}, {kind}: {tally}")
    assert tally.wrong == []
    assert tally.tried.total() == tally.converged.total() >= 8


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_process_may_be_killed_anywhere(tmp_path: Path, scenario: str) -> None:
    tally = Tally()
    sync_faults.kills(Scenario(scenario, tmp_path), tally)
    print(f"{scenario}, kill -9: {tally}")
    assert tally.wrong == []
    assert tally.tried.total() == tally.converged.total() >= 8


@pytest.mark.parametrize("kind", ["paced", "silent"])
def test_ctrl_c_ends_it_at_once_and_the_next_sync_goes_on(tmp_path: Path, kind: str) -> None:
    place = workspace.make(tmp_path / "ws", {"base": "m:1", "other": "n:1"})
    fake = FakeOllama(offered={"m:1", "n:1"})
    fake.pull_pace = 0.2
    if kind == "silent":
        fake.fail("silence", route="pull", at=3)
    with running(fake):
        command = [*MLWS, "model", "sync", "--host", fake.url]
        process = subprocess.Popen(
            command, cwd=place.root, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert until(lambda: fake.store.partial, 60)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
        assert time.monotonic() - began < 30
        assert process.returncode == 130
        assert "interrupted" in said
        assert until(lambda: len(fake.record.cancelled) == 2)
        fake.mend()
        fake.pull_pace = 0.0
        assert workspace.sync(place, fake.url).ok
        # What had come is not fetched a second time.
        assert set(fake.downloads.fetched.values()) == {1}
        assert workspace.planned(place, fake.url).drift == ()
