"""Slurm's own reservations, as scontrol shows them: read only, they are made and ended there."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mlws_scaffold.errors import Unavailable
from mlws_scaffold.workspace.config import Config, Slurm

_SECONDS = 20.0
_CONFIGS = ("/etc/slurm/slurm.conf", "/run/slurm/conf/slurm.conf", "/etc/slurm-llnl/slurm.conf")


@dataclass(frozen=True, slots=True)
class Booked:
    """One of them. `gpus` is None where Slurm names none; instants in seconds since 1970."""

    name: str
    users: str
    nodes: str
    begins: int
    ends: int
    gpus: int | None

    def shape(self, now: int) -> Mapping[str, object]:
        """It as JSON, like a reservation of ours; `kind` is `slurm`, and it has no number."""
        from mlws_scaffold.gpus.reservations.times import iso

        return {
            "id": None,
            "name": self.name,
            "person": self.users,
            "kind": "slurm",
            "state": self.state(now),
            "begins": iso(self.begins),
            "ends": iso(self.ends),
            "nodes": self.nodes,
            "count": self.gpus,
            "gpus": [],
        }

    def state(self, now: int) -> str:
        """`pending`, `active` or `over`."""
        return "pending" if now < self.begins else "active" if now < self.ends else "over"

    @property
    def what(self) -> str:
        """`gpu[1-2] (8 GPUs)`."""
        return self.nodes if self.gpus is None else f"{self.nodes} ({self.gpus} GPUs)"


def reservations(config: Config) -> list[Booked]:
    """All of them, none where there is no Slurm. Raises Unavailable when it does not answer."""
    if not _there(config):
        return []
    from mlws_scaffold.adapters import process

    done = process.run(
        ["scontrol", "--oneliner", "show", "reservation"],
        Path("/"),
        timeout=_SECONDS,
        env={"SLURM_TIME_FORMAT": "standard"},
    )
    if done.status:
        raise Unavailable(f"Slurm does not tell its reservations: {done.said}", "see sinfo")
    return parse(done.output)


def _there(config: Config) -> bool:
    """Whether this machine has Slurm's commands and a cluster; costs next to nothing.

    The commands alone may be there with no cluster; asking would take longer than all else.
    """
    named = config.compute.default == "slurm" or config.compute.slurm != Slurm()
    if not named and "SLURM_CONF" not in os.environ and not any(map(os.path.exists, _CONFIGS)):
        return False
    return any(
        folder and os.access(f"{folder}/scontrol", os.X_OK)
        for folder in os.environ.get("PATH", "").split(os.pathsep)
    )


def parse(said: str) -> list[Booked]:
    """Of the lines of `scontrol --oneliner show reservation`, whose times are of this machine."""
    found = []
    for line in said.splitlines():
        fields = dict(re.findall(r"(\w+)=(\S*)", line))
        if "ReservationName" not in fields:
            continue
        begins, ends = (
            int(datetime.fromisoformat(fields[key]).timestamp()) for key in ("StartTime", "EndTime")
        )
        count = re.search(r"gres/gpu(?::\w+)?=(\d+)", line)
        who = [fields.get(key, "") for key in ("Users", "Accounts", "Groups")]
        users = next((word for word in who if word not in ("", "(null)")), "")
        gpus = int(count[1]) if count else None
        name, nodes = fields["ReservationName"], fields.get("Nodes", "")
        found.append(Booked(name, users, nodes, begins, ends, gpus))
    return sorted(found, key=lambda item: (item.begins, item.name))
