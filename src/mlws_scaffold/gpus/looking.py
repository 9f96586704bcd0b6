"""The GPUs of this machine with what works on them; what cannot be read is None."""

from __future__ import annotations

from dataclasses import dataclass

from mlws_scaffold.adapters import nvml, nvml_usage
from mlws_scaffold.adapters.nvml import Trouble
from mlws_scaffold.adapters.nvml_usage import Usage
from mlws_scaffold.gpus.reservations import opening
from mlws_scaffold.gpus.reservations.values import Gpu, Reservation
from mlws_scaffold.workspace.config import Config

_LOADED = 0.05  # of the memory: below it is the driver's own


@dataclass(frozen=True, slots=True)
class Sight:
    """One GPU, what works on it, and who has it now."""

    gpu: Gpu
    usage: Usage
    reservation: Reservation | None = None

    @property
    def busy(self) -> bool:
        """By processes, memory and reservation: a loaded model that waits shows 0 %."""
        used, total = self.usage.used, self.gpu.memory
        loaded = used is not None and total is not None and used > total * _LOADED
        return bool(self.usage.processes) or loaded or self.reservation is not None

    @property
    def strangers(self) -> tuple[str, ...]:
        """Users whose processes run here while another has it reserved."""
        if self.reservation is None or not self.reservation.login:
            return ()
        users = {process.user for process in self.usage.processes if process.user}
        return tuple(sorted(users - {self.reservation.login}))


def look(config: Config) -> tuple[list[Sight], Trouble | None]:
    """Those that NVML reports and those of `[gpus] static`. Never raises."""
    reading = nvml.read()
    usage = nvml_usage.read() if reading.devices else {}
    here = opening.host()
    seen = [
        Sight(
            Gpu(here, device.uuid or "", device.index, device.name or "", device.memory),
            usage.get(device.index, Usage()),
        )
        for device in reading.devices
    ]
    given = opening.static_gpus(config)
    uuids = {sight.gpu.uuid for sight in seen}
    seen += [Sight(gpu, Usage()) for gpu in given if gpu.uuid not in uuids]
    hidden = reading.trouble if not given or seen[len(given) :] else None
    return seen, hidden
