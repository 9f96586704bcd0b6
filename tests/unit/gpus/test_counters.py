"""What is read of the driver while a run lasts, with a driver that refuses this and that."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from mlws_scaffold.adapters import gpu_counters
from mlws_scaffold.adapters.gpu_counters import Sample


class _Driver:
    """pynvml with two GPUs; `refused` are names of calls that fail, `gone` UUIDs that do."""

    class NVMLError(Exception):
        value = 3

    def __init__(self) -> None:
        self.refused: set[str] = set()
        self.gone: set[str] = set()
        self.open = 0
        self.utilisation, self.energy = 40, 5000

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> Any:
            if name in self.refused or (arguments and arguments[0] in self.gone):
                raise self.NVMLError(name)
            return self._answers(name, arguments)

        return call

    def _answers(self, name: str, arguments: tuple[Any, ...]) -> Any:
        if name in ("nvmlInit", "nvmlShutdown"):
            self.open += 1 if name == "nvmlInit" else -1
        known = {
            "nvmlDeviceGetCount": 2,
            "nvmlSystemGetDriverVersion": "1",
            "nvmlDeviceGetName": "NVIDIA H200",
            "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=1),
            "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=self.utilisation),
            "nvmlDeviceGetTotalEnergyConsumption": self.energy,
            "nvmlDeviceGetComputeRunningProcesses": [SimpleNamespace(pid=7)],
        }
        if name == "nvmlDeviceGetUUID":
            return f"GPU-{arguments[0]}"
        if name.startswith("nvmlDeviceGetHandle"):
            return arguments[0]
        return known.get(name)


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> _Driver:
    made = _Driver()
    monkeypatch.setitem(sys.modules, "pynvml", made)  # type: ignore[arg-type]
    return made


def test_a_sample_is_busy_or_idle_with_energy_and_processes(driver: _Driver) -> None:
    with gpu_counters.counting() as counters:
        assert [device.uuid for device in counters.devices] == ["GPU-0", "GPU-1"]
        assert counters.sample("GPU-0") == Sample(True, 5000, frozenset({7}))
        driver.utilisation = 0
        assert counters.sample("GPU-0").busy is False
        assert driver.open == 1
    assert driver.open == 0


def test_what_a_card_refuses_is_unknown_and_the_rest_is_there(driver: _Driver) -> None:
    driver.refused = {"nvmlDeviceGetTotalEnergyConsumption", "nvmlDeviceGetComputeRunningProcesses"}
    with gpu_counters.counting() as counters:
        assert counters.sample("GPU-1") == Sample(True, None, frozenset())
        driver.gone = {"GPU-0"}
        assert counters.sample("GPU-0") == Sample()


def test_a_driver_that_does_not_start_has_no_gpus(driver: _Driver) -> None:
    driver.refused = {"nvmlInit"}
    with gpu_counters.counting() as counters:
        assert counters.devices == ()
        assert counters.sample("GPU-0") == Sample()


def test_without_the_library_there_are_no_counters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)  # type: ignore[arg-type]
    with gpu_counters.counting() as counters:
        assert counters.devices == ()
