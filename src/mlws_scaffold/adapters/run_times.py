"""When runs were last active, read from a SQLite store of MLflow by one query.

Neither MLflow nor what else speaks to stores is imported: a listing must stay cheap.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path

from mlws_scaffold.errors import Unavailable

_SECONDS_TO_WAIT = 2.0
_YOUNG_NS = 1_000_000_000
# By the id that mlws gave a run, else by the MLflow experiment. A run that goes on is as active as
# its last sign of life. Only columns that MLflow has had for years; all times in milliseconds.
_QUERY = """
select ifnull(own.value, experiments.name), max(max(
    ifnull(start_time, 0), ifnull(end_time, 0), ifnull(strftime('%s', alive.value) * 1000, 0)))
from runs
join experiments using (experiment_id)
left join tags own on own.run_uuid = runs.run_uuid and own.key = 'mlws.experiment_id'
left join tags alive on alive.run_uuid = runs.run_uuid and alive.key = 'mlws.heartbeat'
    and runs.status = 'RUNNING'
where runs.lifecycle_stage = 'active'
group by 1
"""


def stamp(path: Path) -> str:
    """Equal as long as nothing was written to the store; empty when there is none yet.

    Never equal for a store that is written to right now: its date may stay through the next write.
    """
    found = []
    for name in (path, path.with_name(f"{path.name}-wal")):
        with contextlib.suppress(OSError):
            seen = name.stat()
            if seen.st_size:
                found.append(f"{name} {seen.st_mtime_ns} {seen.st_size} {seen.st_ino}")
                if time.time_ns() - seen.st_mtime_ns < _YOUNG_NS:
                    found.append(str(time.time_ns()))
    return "\n".join(found)


def last(path: Path) -> dict[str, int]:
    """Seconds since 1970 of the last run, by experiment_id or name of the MLflow experiment.

    Reads only. Raises Unavailable when the file is none of MLflow's, or busy.
    """
    try:
        address = f"{path.absolute().as_uri()}?mode=ro"
        with contextlib.closing(
            sqlite3.connect(address, uri=True, timeout=_SECONDS_TO_WAIT)
        ) as store:
            rows = store.execute(_QUERY).fetchall()
        return {str(name): int(time) // 1000 for name, time in rows if time}
    except (sqlite3.Error, ValueError, TypeError) as error:
        raise Unavailable(f"{path.name}: {error}", "mlws doctor") from None
