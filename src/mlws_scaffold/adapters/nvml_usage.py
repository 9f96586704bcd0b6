"""What works on NVIDIA GPUs right now, field by field: a card may know one and refuse another."""

from __future__ import annotations

import pwd
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Process:
    """A process on a GPU. `user` is empty and `memory` (bytes) None where they are unknown."""

    pid: int
    user: str
    memory: int | None


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes, percent, degrees Celsius, watts; None is unknown. `mig`: cut into instances."""

    used: int | None = None
    utilisation: int | None = None
    temperature: int | None = None
    power: float | None = None
    mig: bool | None = None
    processes: tuple[Process, ...] = ()


def read() -> dict[int, Usage]:
    """By index; empty without nvidia-ml-py or without a driver."""
    try:
        import pynvml
    except ImportError:
        return {}
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return {}
    try:
        count = _field(pynvml, pynvml.nvmlDeviceGetCount) or 0
        found = {}
        for index in range(count):
            handle = _field(pynvml, partial(pynvml.nvmlDeviceGetHandleByIndex, index))
            if handle is not None:
                found[index] = _usage(pynvml, handle)
        return found
    finally:
        pynvml.nvmlShutdown()


def _usage(module: Any, handle: Any) -> Usage:
    memory = _field(module, lambda: module.nvmlDeviceGetMemoryInfo(handle))
    rates = _field(module, lambda: module.nvmlDeviceGetUtilizationRates(handle))
    power = _field(module, lambda: module.nvmlDeviceGetPowerUsage(handle))
    mig = _field(module, lambda: module.nvmlDeviceGetMigMode(handle))
    sensor = module.NVML_TEMPERATURE_GPU
    return Usage(
        used=None if memory is None else int(memory.used),
        utilisation=None if rates is None else int(rates.gpu),
        temperature=_field(module, lambda: int(module.nvmlDeviceGetTemperature(handle, sensor))),
        power=None if power is None else power / 1000,
        mig=None if mig is None else bool(mig[0]),
        processes=_processes(module, handle),
    )


def _processes(module: Any, handle: Any) -> tuple[Process, ...]:
    found: dict[int, Process] = {}
    for ask in (
        module.nvmlDeviceGetComputeRunningProcesses,
        module.nvmlDeviceGetGraphicsRunningProcesses,
    ):
        for item in _field(module, partial(ask, handle)) or ():
            used = item.usedGpuMemory
            pid = int(item.pid)
            found[pid] = Process(pid, user_of(pid), None if used is None else int(used))
    return tuple(found[pid] for pid in sorted(found))


def user_of(pid: int) -> str:
    """The owner of a process; empty when it has gone or is hidden."""
    try:
        uid = Path(f"/proc/{pid}").stat().st_uid
    except OSError:
        return ""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _field(module: Any, ask: Callable[[], T]) -> T | None:
    try:
        return ask()
    except (module.NVMLError, module.NVMLLibraryMismatchError):
        return None  # the second: the driver is older than the client, and lacks the function
