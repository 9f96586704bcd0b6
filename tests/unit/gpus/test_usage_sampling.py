"""What the sampler enters: only the run's own GPUs, resume-safe, and at next to no cost."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlws_scaffold.adapters.gpu_counters import Sample
from mlws_scaffold.adapters.nvml import Device
from mlws_scaffold.gpus import store as stores
from mlws_scaffold.gpus.ledger import book, holding, sampling
from mlws_scaffold.gpus.ledger.book import Segment, Subject, Usage
from mlws_scaffold.gpus.ledger.holding import Grant
from mlws_scaffold.gpus.ledger.sampling import Meter, Pace
from mlws_scaffold.workspace import config
from mlws_scaffold.workspace.config import StaticGpu, Workspace
from tests.support import tiny_workspace

SUBJECT = Subject("r", "first", "ann", "human", "local")


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Counters:
    """Two GPUs that a test sets."""

    def __init__(self) -> None:
        self.devices = tuple(Device(i, "NVIDIA H200", f"GPU-{i}", 141 << 30) for i in range(2))
        self.samples = {f"GPU-{i}": Sample(busy=False, energy=0) for i in range(2)}
        self.asked: list[str] = []

    def sample(self, uuid: str) -> Sample:
        self.asked.append(uuid)
        return self.samples[uuid]


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    table = '[gpus]\nstore = "sqlite:///gpus.db"\n'
    return config.load(tiny_workspace.make(tmp_path / "ws", config=table))


def _read(place: Workspace) -> list[Usage]:
    with stores.open(place) as store:
        return book.read(book.opened(store))


def test_busy_time_and_energy_are_of_the_runs_own_gpu_alone() -> None:
    clock, counters = Clock(), Counters()
    meter = Meter(SUBJECT, Grant("node", visible="1"), counters, Pace(clock=clock))
    for step, busy in enumerate((True, True, False), 1):
        clock.now += 10
        counters.samples["GPU-1"] = Sample(busy=busy, energy=step * 5000)
        counters.samples["GPU-0"] = Sample(busy=True, energy=step * 999_999)
        meter.look()
    meter.close("FINISHED")
    assert meter.waiting == [
        Segment("r", "GPU-1", "NVIDIA H200", "node", "nvml", 1e6, 1e6 + 30, 20.0, 15.0)
    ]
    assert set(counters.asked) == {"GPU-1"}


def test_without_a_word_the_gpu_with_a_process_of_the_run_is_its_own() -> None:
    clock, counters = Clock(), Counters()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        grant = Grant("node", pid=os.getpid())
        meter = Meter(SUBJECT, grant, counters, Pace(clock=clock))
        clock.now += 10
        meter.look()
        counters.samples["GPU-0"] = Sample(True, 0, frozenset({child.pid}))
        counters.samples["GPU-1"] = Sample(True, 0, frozenset({1}))
        clock.now += 10
        meter.look()
    finally:
        child.communicate(b"\n")
    meter.close("FINISHED")
    assert [(one.gpu, one.seconds) for one in meter.waiting] == [("GPU-0", 10.0)]


def test_a_counter_that_starts_again_gives_no_energy_rather_than_a_wrong_one() -> None:
    clock, counters = Clock(), Counters()
    counters.samples["GPU-0"] = Sample(True, 9_000_000)
    meter = Meter(SUBJECT, Grant("node", visible="0"), counters, Pace(clock=clock))
    counters.samples["GPU-0"] = Sample(True, 10)
    clock.now += 10
    meter.look()
    meter.close("FINISHED")
    assert meter.waiting[0].energy is None
    assert meter.waiting[0].busy == 10.0


def test_a_clock_that_is_set_back_takes_nothing_away() -> None:
    clock, counters = Clock(), Counters()
    meter = Meter(SUBJECT, Grant("node", visible="0"), counters, Pace(clock=clock))
    for step in (10, -3600, 10):
        clock.now += step
        meter.look()
    meter.close("FINISHED")
    assert [one.seconds for one in meter.waiting] == [10.0, 10.0]


def test_the_scheduler_decides_how_many_gpus_a_run_has() -> None:
    static = (StaticGpu(1, "NVIDIA H200", "141GB", "GPU-static"),)
    grant = Grant("node", "slurm", "0,1", 2, ("0", "1"), static=static)

    class Blind:
        devices: tuple[Device, ...] = ()

        def sample(self, _uuid: str) -> Sample:
            raise AssertionError

    found = holding.granted(grant, Blind())
    assert found is not None
    assert [(gpu.uuid, gpu.model, gpu.counted) for gpu in found] == [
        ("node/0", "", False),
        ("GPU-static", "NVIDIA H200", False),
    ]
    seen = holding.granted(grant, Counters())
    assert seen is not None
    assert [gpu.uuid for gpu in seen] == ["GPU-0", "GPU-1"]
    assert holding.granted(Grant("node", visible="-1"), Counters()) == []


def test_what_was_entered_stays_when_the_sampler_is_killed(
    place: Workspace, tmp_path: Path
) -> None:
    script = tmp_path / "sampler.py"
    script.write_text(
        "import sys, time\n"
        "from pathlib import Path\n"
        "from mlws_scaffold.gpus.ledger import sampling\n"
        "from mlws_scaffold.gpus.ledger.book import Subject\n"
        "from mlws_scaffold.gpus.ledger.holding import Grant\n"
        "from mlws_scaffold.workspace import config\n"
        "place = config.load(Path(sys.argv[1]))\n"
        "subject = Subject('r', 'first', 'ann', 'human', 'local')\n"
        "pace = sampling.Pace(0.05, 0.1)\n"
        "with sampling.measured(place, subject, Grant('node', visible='7'), print, pace):\n"
        "    time.sleep(60)\n"
    )
    for _ in range(2):  # a run that goes on after the first was killed
        child = subprocess.Popen([sys.executable, script, place.root])
        entered = sum(len(one.segments) for one in _read(place))
        end = time.monotonic() + 60
        while sum(len(one.segments) for one in _read(place)) == entered:
            assert time.monotonic() < end
            time.sleep(0.05)
        child.kill()
        child.wait()
        time.sleep(1.1)  # segments nearer than a second are one
    [usage] = _read(place)
    assert usage.state == ""
    assert {one.gpu for one in usage.segments} == {"node/7"}
    spans = sorted((one.began, one.ended) for one in usage.segments)
    assert len(spans) == 2
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))


def test_a_store_that_is_away_disturbs_nothing_and_gets_it_later(place: Workspace) -> None:
    said: list[str] = []
    broken = place.root / "gpus.db"
    broken.mkdir()
    with sampling.measured(
        place, SUBJECT, Grant("node", visible="3"), said.append, Pace(0.02, 0.05)
    ) as tell:
        time.sleep(0.2)
        tell("FINISHED")
    assert "kept here for later" in said[0]
    broken.rmdir()
    assert sampling.enter_kept(place) == 1
    assert sampling.enter_kept(place) == 0
    [usage] = _read(place)
    assert usage.state == "FINISHED"
    assert sum(one.seconds for one in usage.segments) > 0.1


def test_sampling_costs_less_than_half_a_percent_of_a_core(place: Workspace) -> None:
    """Eight GPUs, one entry in six samples: the work of a minute, by this process's own clock."""
    clock, counters = Clock(), Counters()
    counters.devices = tuple(Device(i, "NVIDIA H200", f"GPU-{i}", 1) for i in range(8))
    counters.samples = {f"GPU-{i}": Sample(busy=True, energy=1) for i in range(8)}
    grant = Grant("node", visible=",".join(map(str, range(8))))
    meter = Meter(SUBJECT, grant, counters, Pace(clock=clock))
    with stores.open(place) as store:
        book.opened(store)
    began, minutes = time.process_time(), 20
    for _ in range(minutes):
        for _ in range(6):
            clock.now += sampling.SAMPLE_SECONDS
            meter.look()
        assert meter.due
        sampling.enter(place, meter)
    spent = time.process_time() - began
    assert spent / (minutes * 60) < 0.005
