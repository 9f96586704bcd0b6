"""The tables of reservations. Instants are seconds since 1970; intervals are half-open.

`reserved_gpu` holds what nobody else may have: the database itself refuses an overlap. A row there
always ends when its reservation ends; a reservation without rows was released before it began.
`lease` is set where a process keeps the reservation alive: past it, the reservation is over.
"""

from __future__ import annotations

from mlws_scaffold.gpus.store import Tables

_NUMBER = "id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
_COLUMNS = """
    person TEXT NOT NULL,
    login TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('booking', 'run', 'hold')),
    begins BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    purpose TEXT NOT NULL,
    experiment TEXT NOT NULL,
    made BIGINT NOT NULL,
    released BIGINT,
    lease BIGINT,
    holder TEXT NOT NULL,
    used BIGINT
"""
_SLOT = """
    reservation BIGINT NOT NULL REFERENCES reservation (id),
    host TEXT NOT NULL,
    gpu TEXT NOT NULL,
    begins BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    PRIMARY KEY (reservation, host, gpu),
    CHECK (begins < ends)
"""
_CHANGE = """
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    login TEXT NOT NULL,
    host TEXT NOT NULL,
    reservation BIGINT NOT NULL,
    action TEXT NOT NULL,
    detail TEXT NOT NULL,
    reason TEXT NOT NULL
"""
_TICKET = """
    person TEXT NOT NULL,
    login TEXT NOT NULL,
    wanted INTEGER NOT NULL,
    memory BIGINT NOT NULL,
    host TEXT NOT NULL,
    seconds BIGINT NOT NULL,
    purpose TEXT NOT NULL,
    experiment TEXT NOT NULL,
    made BIGINT NOT NULL,
    hold BIGINT REFERENCES reservation (id),
    closed TEXT NOT NULL
"""
_KNOWN = """
    host TEXT NOT NULL,
    gpu TEXT NOT NULL,
    place INTEGER NOT NULL,
    name TEXT NOT NULL,
    memory BIGINT,
    seen BIGINT NOT NULL,
    PRIMARY KEY (host, gpu)
"""
_USE = """
    host TEXT NOT NULL,
    gpu TEXT NOT NULL,
    reservation BIGINT NOT NULL REFERENCES reservation (id),
    holder TEXT NOT NULL,
    lease BIGINT NOT NULL,
    PRIMARY KEY (reservation, host, gpu)
"""
# Since when every look found the GPUs of a reservation without work; empty while they work.
_IDLE = "ALTER TABLE reservation ADD COLUMN idle BIGINT"
_INDEXES = (
    "CREATE INDEX reservation_by_end ON reservation (ends)",
    "CREATE INDEX reservation_by_person ON reservation (person, ends)",
    "CREATE INDEX reservation_with_lease ON reservation (lease) WHERE lease IS NOT NULL",
    "CREATE INDEX open_ticket ON ticket (id) WHERE closed = ''",
)
# Stored intervals of a GPU never overlap, so only the first that ends later can be in the way.
_CLASH = """
    SELECT other.begins FROM reserved_gpu AS other
    WHERE other.host = NEW.host AND other.gpu = NEW.gpu
      AND other.ends > NEW.begins AND other.reservation <> NEW.reservation
    ORDER BY other.ends LIMIT 1
"""


def _trigger(event: str) -> str:
    return (
        f"CREATE TRIGGER no_overlap_{event.lower()} BEFORE {event} ON reserved_gpu"
        f" WHEN ({_CLASH}) < NEW.ends BEGIN SELECT RAISE(ABORT, 'overlap'); END"
    )


TABLES = Tables(
    "reservations",
    sqlite=(
        f"CREATE TABLE reservation (id INTEGER PRIMARY KEY AUTOINCREMENT, {_COLUMNS})",
        f"CREATE TABLE reserved_gpu ({_SLOT})",
        "CREATE INDEX reserved_gpu_in_time ON reserved_gpu (host, gpu, ends)",
        _trigger("INSERT"),
        _trigger("UPDATE"),
        f"CREATE TABLE reservation_change (id INTEGER PRIMARY KEY AUTOINCREMENT, {_CHANGE})",
        f"CREATE TABLE ticket (id INTEGER PRIMARY KEY AUTOINCREMENT, {_TICKET})",
        f"CREATE TABLE known_gpu ({_KNOWN})",
        *_INDEXES,
        f"CREATE TABLE gpu_use ({_USE})",
        _IDLE,
    ),
    postgresql=(
        "CREATE EXTENSION IF NOT EXISTS btree_gist",
        f"CREATE TABLE reservation ({_NUMBER}, {_COLUMNS})",
        f"CREATE TABLE reserved_gpu ({_SLOT}, CONSTRAINT no_overlap EXCLUDE USING gist"
        " (host WITH =, gpu WITH =, int8range(begins, ends) WITH &&))",
        f"CREATE TABLE reservation_change ({_NUMBER}, {_CHANGE})",
        f"CREATE TABLE ticket ({_NUMBER}, {_TICKET})",
        f"CREATE TABLE known_gpu ({_KNOWN})",
        *_INDEXES,
        f"CREATE TABLE gpu_use ({_USE})",
        _IDLE,
    ),
)
