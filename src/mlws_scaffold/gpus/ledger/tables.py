"""The ledger's tables. Rows are added and never changed: the database refuses it."""

from __future__ import annotations

from mlws_scaffold.gpus.store import Tables

_RUNS = """CREATE TABLE usage_runs (
    run_id TEXT PRIMARY KEY,
    experiment TEXT NOT NULL,
    researcher TEXT NOT NULL,
    actor TEXT NOT NULL,
    backend TEXT NOT NULL,
    began {number} NOT NULL
)"""
# One row a minute for each GPU. Times in seconds since 1970; energy in joules.
# busy and energy are NULL where they were not measured.
_SEGMENTS = """CREATE TABLE usage_segments (
    run_id TEXT NOT NULL,
    gpu TEXT NOT NULL,
    model TEXT NOT NULL,
    host TEXT NOT NULL,
    source TEXT NOT NULL,
    began {real} NOT NULL,
    ended {real} NOT NULL CHECK (ended >= began),
    busy {real} CHECK (busy >= 0),
    energy {real} CHECK (energy >= 0),
    PRIMARY KEY (run_id, gpu, began)
)"""
_ENDS = """CREATE TABLE usage_ends (
    run_id TEXT NOT NULL,
    ended {real} NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (run_id, ended)
)"""
_BY_TIME = "CREATE INDEX usage_segments_ended ON usage_segments (ended)"
_NAMES = ("usage_runs", "usage_segments", "usage_ends")

_SQLITE_KEPT = tuple(
    f"CREATE TRIGGER {name}_no_{change.lower()} BEFORE {change} ON {name}"
    " BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
    for name in _NAMES
    for change in ("UPDATE", "DELETE")
)
_POSTGRESQL_KEPT = (
    "CREATE FUNCTION usage_kept() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$",
    *(
        f"CREATE TRIGGER {name}_kept BEFORE UPDATE OR DELETE ON {name}"
        " FOR EACH ROW EXECUTE FUNCTION usage_kept()"
        for name in _NAMES
    ),
)


def _made(number: str, real: str) -> tuple[str, ...]:
    return (
        *(text.format(number=number, real=real) for text in (_RUNS, _SEGMENTS, _ENDS)),
        _BY_TIME,
    )


LEDGER = Tables(
    "ledger",
    (*_made("INTEGER", "REAL"), *_SQLITE_KEPT),
    (*_made("BIGINT", "DOUBLE PRECISION"), *_POSTGRESQL_KEPT),
)
