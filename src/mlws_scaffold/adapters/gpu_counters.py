"""What NVIDIA GPUs count while they work: utilisation, energy, whose processes. Kept open between
readings, so that one costs microseconds.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from mlws_scaffold.adapters import nvml
from mlws_scaffold.adapters.nvml import Device

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading. `energy` in millijoules since the driver was loaded; None where it is unknown.

    `busy`: whether anything ran on it in the last sample period of the driver (about a second).
    """

    busy: bool | None = None
    energy: int | None = None
    pids: frozenset[int] = frozenset()


class Counters(Protocol):
    """The GPUs of this machine, in the order of their PCI addresses."""

    @property
    def devices(self) -> tuple[Device, ...]: ...

    def sample(self, uuid: str) -> Sample: ...


class NoCounters:
    """A machine without NVML."""

    devices: tuple[Device, ...] = ()

    def sample(self, _uuid: str) -> Sample:
        return Sample()


class NvmlCounters:
    """Through nvidia-ml-py; the library is started and stopped by `counting`."""

    def __init__(self, module: Any, devices: tuple[Device, ...]) -> None:
        self._module = module
        self.devices = devices
        self._handles: dict[str, Any] = {}

    def sample(self, uuid: str) -> Sample:
        ask = self._module
        try:
            if uuid not in self._handles:
                self._handles[uuid] = ask.nvmlDeviceGetHandleByUUID(uuid)
        except ask.NVMLError:
            return Sample()  # gone: fallen off the bus, or taken out of the container
        handle = self._handles[uuid]
        rates = self._or_none(lambda: ask.nvmlDeviceGetUtilizationRates(handle))
        energy = self._or_none(lambda: ask.nvmlDeviceGetTotalEnergyConsumption(handle))
        running = self._or_none(lambda: ask.nvmlDeviceGetComputeRunningProcesses(handle)) or ()
        return Sample(
            None if rates is None else int(rates.gpu) > 0,
            None if energy is None else int(energy),
            frozenset(int(process.pid) for process in running),
        )

    def _or_none(self, read: Callable[[], T]) -> T | None:
        # A card may know one field and refuse another.
        try:
            return read()
        except self._module.NVMLError:
            return None


@contextlib.contextmanager
def counting() -> Iterator[Counters]:
    """The counters of this machine, as long as they are needed; none where NVML cannot be had."""
    try:
        import pynvml
    except ImportError:
        yield NoCounters()
        return
    devices = nvml.read("pynvml").devices
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        yield NoCounters()
        return
    try:
        yield NvmlCounters(pynvml, devices)
    finally:
        with contextlib.suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()
