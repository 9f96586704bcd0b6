"""The GPUs of this machine, as far as they can be seen."""

from __future__ import annotations

from dataclasses import dataclass

from mlws_scaffold.adapters import nvml, process
from mlws_scaffold.adapters.nvml import Device, Trouble

GIB = 2**30


@dataclass(frozen=True, slots=True)
class Survey:
    """What was seen. A trouble beside devices means that some GPUs could not be read."""

    devices: tuple[Device, ...]
    trouble: Trouble | None
    driver: str | None = None
    smi: bool = False

    @property
    def text(self) -> str:
        """One line: how many of which, or why none."""
        if not self.devices:
            why = self.trouble.detail if self.trouble else "the driver sees no GPU"
            return f"none found: {why}"
        kinds: dict[str, int] = {}
        for device in self.devices:
            kind = describe(device)
            kinds[kind] = kinds.get(kind, 0) + 1
        listed = ", ".join(f"{number} x {kind}" for kind, number in kinds.items())
        extra = f"; {self.trouble.detail}" if self.trouble else ""
        return f"{listed}, driver {self.driver or 'of unknown version'}{extra}"


def survey() -> Survey:
    """Look once through NVML. Never raises."""
    reading = nvml.read()
    smi = process.find("nvidia-smi") is not None
    return Survey(reading.devices, reading.trouble, reading.driver, smi)


def describe(device: Device) -> str:
    """`NVIDIA H200 (139.8 GiB)`, with what is unknown said."""
    memory = "memory unknown" if device.memory is None else f"{device.memory / GIB:.1f} GiB"
    return f"{device.name or 'GPU of unknown name'} ({memory})"
