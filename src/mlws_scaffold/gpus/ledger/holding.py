"""Which GPUs a run has: by its environment or its scheduler, else by where its processes are."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters.gpu_counters import Counters
from mlws_scaffold.adapters.nvml import Device
from mlws_scaffold.workspace.config import StaticGpu


@dataclass(frozen=True, slots=True)
class Grant:
    """What is known about the GPUs of a run before it starts.

    `visible` is CUDA_VISIBLE_DEVICES, None when it is not set. `count` is the scheduler's word,
    None without one; `indices` are the numbers that it names on this host.
    """

    host: str
    source: str = "nvml"
    visible: str | None = None
    count: int | None = None
    indices: tuple[str, ...] = ()
    pid: int = 0  # of the run's first process
    static: tuple[StaticGpu, ...] = ()


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU that a run has. `counted`: the driver can be asked about it."""

    uuid: str
    model: str
    counted: bool


def granted(grant: Grant, counters: Counters) -> list[Gpu] | None:
    """The run's GPUs; None when nobody gave it any, so that its processes have to tell."""
    if grant.visible is None and grant.count is None:
        return None
    found: list[Gpu] = []
    for word in _words(grant.visible):
        gpu = _seen(word, counters.devices)
        found += [gpu] if gpu is not None else []
    if grant.count is None:
        known = {one.uuid for one in found}
        rest = [word for word in _words(grant.visible) if _seen(word, counters.devices) is None]
        return found + [one for word in rest if (one := _named(word, grant)).uuid not in known]
    # The scheduler decides how many; those that the driver does not show are counted all the same.
    numbers = [*grant.indices, *(f"#{number}" for number in range(grant.count))]
    for number in numbers:
        if len(found) >= grant.count:
            break
        one = _named(number, grant)
        if one.uuid not in {gpu.uuid for gpu in found}:
            found.append(one)
    return found[: grant.count]


def occupied(pid: int, counters: Counters) -> list[Gpu]:
    """The GPUs on which the process or one below it computes now."""
    tree = family(pid)
    return [
        Gpu(device.uuid, device.name or "", True)
        for device in counters.devices
        if device.uuid and tree & counters.sample(device.uuid).pids
    ]


def family(pid: int) -> frozenset[int]:
    """The process and all below it, as far as /proc tells."""
    found, open_ones = {pid}, [pid]
    while open_ones:
        for path in Path(f"/proc/{open_ones.pop()}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                new = {int(word) for word in path.read_text(encoding="ascii").split()} - found
                found |= new
                open_ones += new
    return frozenset(found)


def _words(visible: str | None) -> list[str]:
    words = [word.strip() for word in (visible or "").split(",")]
    # CUDA stops at the first that it does not know; -1 and NoDevFiles mean none.
    usable: list[str] = []
    for word in words:
        if not word or word in ("-1", "NoDevFiles"):
            break
        usable.append(word)
    return usable


def _seen(word: str, devices: Sequence[Device]) -> Gpu | None:
    for device in devices:
        named = device.uuid and word.startswith("GPU-") and device.uuid.startswith(word)
        if device.uuid and (named or word == str(device.index)):
            return Gpu(device.uuid, device.name or "", True)
    return None


def _named(word: str, grant: Grant) -> Gpu:
    """A GPU that the driver does not show: by `[gpus] static`, else by its place on its host."""
    for one in grant.static:
        if word in (str(one.index), one.uuid):
            return Gpu(one.uuid or f"{grant.host}/{one.index}", one.name, False)
    if word.startswith(("GPU-", "MIG-")):
        return Gpu(word, "", False)
    return Gpu(f"{grant.host}/{word}", "", False)
