"""GPUs of other machines over ssh: each is asked at the same time, and each may fail alone.

Where mlws is there, its own `gpu status` answers; elsewhere a few lines of sh around nvidia-smi.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from shlex import quote
from typing import Any

from mlws_scaffold.adapters import children
from mlws_scaffold.adapters.nvml import Trouble
from mlws_scaffold.adapters.nvml_usage import Process, Usage
from mlws_scaffold.errors import MlwsError, Unavailable, UsageError, did_you_mean
from mlws_scaffold.gpus import reporting
from mlws_scaffold.gpus.looking import Sight
from mlws_scaffold.gpus.reporting import Report
from mlws_scaffold.gpus.reservations import opening, reading
from mlws_scaffold.gpus.reservations.values import Gpu, Reservation
from mlws_scaffold.workspace.config import Workspace

SECONDS = 30.0
_ADDRESS = re.compile(r"(ssh://(?:[\w.-]+@)?[\w.\[\]:-]+?(?::\d+)?)(/.*)?")
_OPTIONS = ("-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-T")
_FIELDS = "index,uuid,name,memory.total,memory.used,utilization.gpu,temperature.gpu,power.draw"
# MLWS_AT is the workspace there, which may be none.
_ASK = """
if [ -n "$MLWS_AT" ]; then cd -- "$MLWS_AT" || exit 66; fi
PATH="$PATH:$HOME/.local/bin:$PWD/.venv/bin"
if command -v mlws >/dev/null 2>&1 && said=$(mlws gpu status --json 2>/dev/null); then
    printf '%s\\n' "$said"
    exit 0
fi
if ! command -v nvidia-smi >/dev/null 2>&1; then
    echo 'neither a workspace with mlws nor nvidia-smi is there' >&2
    exit 69
fi
uname -n
nvidia-smi --query-gpu={fields} --format=csv,noheader,nounits || exit 70
echo --
nvidia-smi --query-compute-apps=gpu_uuid,pid,used_memory --format=csv,noheader,nounits |
while IFS=', ' read -r gpu pid memory; do
    echo "$gpu, $pid, $memory, $(ps -o user= -p "$pid")"
done
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one machine said; `failed` says why it said nothing."""

    name: str
    report: Report | None = None
    failed: str = ""

    def shape(self) -> Mapping[str, object]:
        """The answer as JSON."""
        rest = self.report.shape() if self.report else {"gpus": [], "notices": [], "trouble": None}
        return {"host": self.name, "failed": self.failed or None, **rest}


def chosen(place: Workspace, asked: Sequence[str]) -> list[str]:
    """The names of `[gpus.hosts]` that were asked for; `all` is every one. Raises UsageError."""
    known = place.config.gpus.hosts
    for name in asked:
        if name != "all" and name not in known:
            cure = f'{did_you_mean(name, known)}; or add {name} = "ssh://…" to [gpus.hosts]'
            raise UsageError(f"--host: {name!r} is not in [gpus.hosts] of mlws.toml", cure)
    return list(known) if "all" in asked else list(dict.fromkeys(asked))


def ask(place: Workspace, names: Sequence[str]) -> list[Answer]:
    """Ask them at the same time, in the given order. Their GPUs are remembered for reserving."""
    with ThreadPoolExecutor(max(1, len(names))) as pool:
        answers = list(pool.map(lambda name: _asked(place, name), names))
    with opening.opened(place) as store:
        now = store.now()
        for answer in answers:
            if answer.report:
                reading.remember(store, [sight.gpu for sight in answer.report.sights])
        active = reading.between(store, now, now + 1)
    return [_beside(answer, active, now, place) for answer in answers]


def _beside(answer: Answer, active: list[Reservation], now: int, place: Workspace) -> Answer:
    """With the reservations of the store here, where that machine did not tell its own."""
    if answer.report is None:
        return answer
    told = any(sight.reservation for sight in answer.report.sights)
    sights = tuple(
        sight if told else replace(sight, reservation=next(iter(held), None))
        for sight in answer.report.sights
        for held in [reading.on([sight.gpu], active)]
    )
    notices = answer.report.notices or reporting.notices(
        sights, now, place.config.gpus.idle_minutes * 60
    )
    return replace(answer, report=replace(answer.report, sights=sights, notices=notices, now=now))


def _asked(place: Workspace, name: str) -> Answer:
    try:
        return Answer(name, _read(_said(place.config.gpus.hosts[name])))
    except MlwsError as error:
        return Answer(name, failed=error.message)


def _said(address: str) -> str:
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise UsageError(f"{address!r} is no address", "write ssh://user@host:22/srv/workspace")
    target, folder = match[1], (match[2] or "").removeprefix("/~/")
    script = f"MLWS_AT={quote(folder)}\n" + _ASK.replace("{fields}", _FIELDS)
    command = ["ssh", *_OPTIONS, "--", target, "sh", "-s"]
    done = children.ask(command, Path("/"), os.environ, timeout=SECONDS, words=script)
    if done.status:
        raise Unavailable(done.said.splitlines()[-1] if done.said else f"ssh ended {done.status}")
    return done.output


def _read(said: str) -> Report:
    """The report of mlws there, or of the lines of nvidia-smi."""
    try:
        if said.lstrip().startswith("{"):
            return _of_shape(json.loads(said))
        return _of_lines(said)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unavailable(
            f"its answer is not understood: {type(error).__name__}: {error}"
        ) from None


def _of_shape(shape: Mapping[str, Any]) -> Report:
    sights = tuple(
        Sight(
            Gpu(one["host"], one["uuid"], one["index"], one["name"], one["memory_total"]),
            Usage(
                one["memory_used"],
                one["utilisation"],
                one["temperature"],
                one["power"],
                one["mig"],
                tuple(Process(**process) for process in one["processes"]),
            ),
            _reservation(one["reservation"]) if one["reservation"] else None,
        )
        for one in shape["gpus"]
    )
    trouble = Trouble(**shape["trouble"]) if shape["trouble"] else None
    return Report(sights, tuple(shape["notices"]), trouble, 0)


def _reservation(shape: Mapping[str, Any]) -> Reservation:
    begins, ends = (
        int(datetime.fromisoformat(shape[key].replace("Z", "+00:00")).timestamp())
        for key in ("begins", "ends")
    )
    own = {key: shape[key] for key in ("id", "person", "login", "kind", "purpose", "experiment")}
    gpus = tuple(Gpu(**gpu) for gpu in shape["gpus"])
    return Reservation(begins=begins, ends=ends, gpus=gpus, **own)


def _of_lines(said: str) -> Report:
    before, _, after = said.partition("\n--\n")
    host, *rows = before.splitlines()
    working: dict[str, list[Process]] = {}
    for line in after.splitlines():
        uuid, pid, memory, user = (word.strip() for word in line.split(",", 3))
        size = _whole(_number(memory), 2**20)
        working.setdefault(uuid, []).append(Process(int(pid), user, size))
    sights = []
    for row in rows:
        index, uuid, name, *numbers = (word.strip() for word in row.split(","))
        total, used, busy, heat, power = (_number(word) for word in numbers)
        sights.append(
            Sight(
                Gpu(host.partition(".")[0], uuid, int(index), name, _whole(total, 2**20)),
                Usage(
                    _whole(used, 2**20),
                    _whole(busy),
                    _whole(heat),
                    power,
                    None,
                    tuple(working.get(uuid, ())),
                ),
            )
        )
    return Report(tuple(sights), (), None, 0)


def _number(word: str) -> float | None:
    """None for `[N/A]`, `[Not Supported]` and the like."""
    try:
        return float(word)
    except ValueError:
        return None


def _whole(value: float | None, unit: int = 1) -> int | None:
    return None if value is None else int(value * unit)
