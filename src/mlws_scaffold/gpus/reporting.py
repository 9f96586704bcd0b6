"""What `mlws gpu status` shows: GPUs beside their reservations, and what people should know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mlws_scaffold.adapters.nvml import Trouble
from mlws_scaffold.gpus import looking
from mlws_scaffold.gpus.looking import Sight
from mlws_scaffold.gpus.reservations import opening, reading, times, waiting
from mlws_scaffold.workspace.config import Workspace

_SOON = 900


@dataclass(frozen=True, slots=True)
class Report:
    """One look. `notices`: strangers, reservations nobody uses, those that end soon."""

    sights: tuple[Sight, ...]
    notices: tuple[str, ...]
    trouble: Trouble | None
    now: int

    def lines(self) -> list[str]:
        """One compact line for each GPU, then the notices, then what stands in the way."""
        rows = [_line(sight, self.now) for sight in self.sights]
        rows += [f"note: {notice}" for notice in self.notices]
        if self.trouble:
            rows += [f"GPUs: {self.trouble.detail}", f"  cure: {self.trouble.cure}"]
        return rows or ["no GPU here"]

    def shape(self) -> Mapping[str, object]:
        """The report as JSON."""
        trouble = self.trouble
        return {
            "gpus": [_shape(sight, self.now) for sight in self.sights],
            "notices": list(self.notices),
            "trouble": trouble
            and {"kind": trouble.kind, "detail": trouble.detail, "cure": trouble.cure},
        }


def report(place: Workspace) -> Report:
    """Look at this machine and at the store; what was seen is remembered for reserving."""
    sights, trouble = looking.look(place.config)
    with opening.opened(place) as store:
        reading.remember(store, [sight.gpu for sight in sights])
        waiting.tidy(opening.onlooker(place, store))
        now = store.now()
        active = reading.between(store, now, now + 1)
        for item in active:
            if any(sight.usage.processes for sight in sights if sight.gpu in item.gpus):
                store.execute("UPDATE reservation SET used = ? WHERE id = ?", (now, item.id))
    shown = tuple(
        replace(sight, reservation=next(iter(reading.on([sight.gpu], active)), None))
        for sight in sights
    )
    return Report(shown, notices(shown, now, place.config.gpus.idle_minutes * 60), trouble, now)


def notices(sights: tuple[Sight, ...], now: int, idle: int) -> tuple[str, ...]:
    """Processes of people without the reservation, unused reservations, those that end soon."""
    found = []
    for sight in sights:
        held = sight.reservation
        if held is None:
            continue
        if sight.strangers:
            who = ", ".join(sight.strangers)
            found.append(f"{sight.gpu.text}: {who} works there, {held.person} has it reserved")
        quiet = now - max(held.used or 0, held.begins)
        if not sight.usage.processes and sight.usage.used is not None and quiet >= idle:
            found.append(
                f"{sight.gpu.text}: reserved by {held.person}, unused for {times.long(quiet)}"
            )
        if held.kind == "booking" and 0 < held.ends - now <= _SOON:
            left = times.long(held.ends - now)
            found.append(f"{sight.gpu.text}: reservation {held.id} ends in {left}")
    return tuple(found)


def _line(sight: Sight, now: int) -> str:
    usage, gpu, held = sight.usage, sight.gpu, sight.reservation
    users = [
        f"{process.user or f'pid {process.pid}'}:{_gib(process.memory)}"
        for process in usage.processes
    ]
    parts = [
        f"[{gpu.index}] {gpu.name or 'unknown'}",
        f"{_known(usage.utilisation)} %",
        f"{_gib(usage.used)}/{_gib(gpu.memory)} GiB",
        f"{_known(usage.temperature)} C",
        f"{_known(None if usage.power is None else round(usage.power))} W",
        " ".join(users) or "no process",
    ]
    if usage.mig:
        parts.insert(1, "MIG")
    until = times.until(held.ends, now, times.zone()) if held else ""
    parts.append(f"{held.person} until {until}" if held else "busy" if sight.busy else "free")
    return " | ".join(parts)


def _shape(sight: Sight, now: int) -> Mapping[str, object]:
    usage, gpu, held = sight.usage, sight.gpu, sight.reservation
    return {
        "host": gpu.host,
        "index": gpu.index,
        "uuid": gpu.uuid,
        "name": gpu.name,
        "busy": sight.busy,
        "utilisation": usage.utilisation,
        "memory_used": usage.used,
        "memory_total": gpu.memory,
        "temperature": usage.temperature,
        "power": usage.power,
        "mig": usage.mig,
        "processes": [
            {"pid": process.pid, "user": process.user, "memory": process.memory}
            for process in usage.processes
        ],
        "reservation": held and held.shape(now),
    }


def _gib(value: int | None) -> str:
    return "?" if value is None else f"{value / 2**30:.1f}"


def _known(value: object) -> str:
    return "?" if value is None else str(value)
