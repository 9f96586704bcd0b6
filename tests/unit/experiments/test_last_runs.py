"""Last activity by runs: a SQLite store of MLflow is read when it changed, a server when asked."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from mlws_scaffold.adapters import run_times
from mlws_scaffold.errors import InvalidFile, Unavailable
from mlws_scaffold.experiments import results
from mlws_scaffold.experiments.index import entries, listing
from mlws_scaffold.experiments.index.listing import Filters
from mlws_scaffold.experiments.results import Run
from tests.support import mlflow_store, tiny_workspace
from tests.support.commandline import Mlws
from tests.support.experiment_clones import Clone, metadata

COMMITTED = "2026-02-01T12:00:00+00:00"
DAY = 86_400
MARCH = 1_772_323_200  # 2026-03-01


def _clone(root: Path, tracking: str) -> Clone:
    clone = Clone(tiny_workspace.make(root, tracking=tracking))
    (clone.root / ".gitignore").write_text("mlflow.db*\n")
    clone.git("init", "--quiet", "-b", "main")
    clone.experiment("ann", "one", metadata("one", "ann") + "mlflow_experiment: chunks\n")
    clone.experiment("ann", "two")
    clone.commit(COMMITTED)
    return clone


@pytest.fixture
def ann(tmp_path: Path) -> Clone:
    """Two experiments, `one` with an MLflow experiment of another name, and an empty store."""
    clone = _clone(tmp_path / "ann", mlflow_store.TRACKING)
    mlflow_store.put(clone.root)
    return clone


def _rows(clone: Clone, *, online: bool = False) -> dict[str, dict[str, object]]:
    with entries.with_runs(clone.layout, online=online) as found:
        rows = [json.loads(row) for row in listing.rows(found, Filters())]
    return {str(row["experiment_id"]): row for row in rows}


def _notes(clone: Clone) -> str:
    with entries.with_runs(clone.layout) as found:
        return " ".join(found.notes)


def _run(clone: Clone, experiment: str, start: int, end: int | None, **tags: str) -> str:
    """A run as MLflow's client writes it; times in seconds."""
    client = MlflowClient(f"sqlite:///{clone.root / mlflow_store.NAME}")
    known = client.get_experiment_by_name(experiment)
    key = known.experiment_id if known else client.create_experiment(experiment)
    named = {name.replace("__", "."): value for name, value in tags.items()}
    run = client.create_run(key, start_time=start * 1000, tags=named)
    if end is not None:
        client.set_terminated(run.info.run_id, end_time=end * 1000)
    return str(run.info.run_id)


def test_the_later_of_commit_and_run_counts_and_its_source_is_told(ann: Clone) -> None:
    assert {row["activity_source"] for row in _rows(ann).values()} == {"git"}
    _run(ann, "chunks", MARCH, MARCH + 60)
    _run(ann, "else", MARCH - 90 * DAY, MARCH - 90 * DAY, mlws__experiment_id="two-v1")
    rows = _rows(ann)
    assert rows["one-v1"]["last_activity"] == "2026-03-01T00:01:00+00:00"
    assert rows["one-v1"]["activity_source"] == "mlflow"
    assert rows["two-v1"]["last_activity"] == COMMITTED
    assert rows["two-v1"]["activity_source"] == "git"


def test_a_run_belongs_to_the_experiment_that_its_tag_names(ann: Clone) -> None:
    _run(ann, "chunks", MARCH, None, mlws__experiment_id="two-v1")
    rows = _rows(ann)
    assert (rows["one-v1"]["activity_source"], rows["two-v1"]["activity_source"]) == (
        "git", "mlflow"
    )  # fmt: skip


def test_a_run_that_goes_on_keeps_its_experiment_from_becoming_stale(ann: Clone) -> None:
    now = datetime.now(UTC)
    assert _rows(ann)["one-v1"]["stale"] is True
    _run(ann, "chunks", MARCH, None, mlws__heartbeat=now.isoformat(timespec="seconds"))
    row = _rows(ann)["one-v1"]
    assert row["stale"] is False
    assert row["last_activity"] == now.isoformat(timespec="seconds")
    with entries.with_runs(ann.layout) as found:
        rows = listing.rows(found, Filters(stale=True))
        stale = [json.loads(row)["experiment_id"] for row in rows]
    assert stale == ["two-v1"]


def test_a_run_that_was_deleted_leaves_the_date_of_git(ann: Clone) -> None:
    run = _run(ann, "chunks", MARCH, MARCH)
    assert _rows(ann)["one-v1"]["activity_source"] == "mlflow"
    MlflowClient(f"sqlite:///{ann.root / mlflow_store.NAME}").delete_run(run)
    assert _rows(ann)["one-v1"]["last_activity"] == COMMITTED


def test_an_unchanged_store_is_not_read_again(ann: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    _run(ann, "chunks", MARCH, MARCH)
    os.utime(ann.root / mlflow_store.NAME, (MARCH, MARCH))
    before = _rows(ann)
    monkeypatch.setattr(run_times, "last", lambda path: pytest.fail(f"read {path} again"))
    assert _rows(ann) == before


def test_what_is_written_beside_the_store_counts_as_a_change(ann: Clone) -> None:
    """With a write-ahead log the file itself stays as it is."""
    with contextlib.closing(sqlite3.connect(ann.root / mlflow_store.NAME)) as store:
        store.execute("pragma journal_mode = wal")
        _rows(ann)
        store.execute(
            "insert into experiments (experiment_id, name, lifecycle_stage) values (7, 'chunks',"
            " 'active')"
        )
        store.execute(
            "insert into runs (run_uuid, start_time, lifecycle_stage, experiment_id) values"
            f" ('r', {MARCH * 1000}, 'active', 7)"
        )
        store.commit()
        assert _rows(ann)["one-v1"]["activity_source"] == "mlflow"


def test_a_store_that_cannot_be_read_leaves_the_dates_of_git_and_says_so(ann: Clone) -> None:
    path = ann.root / mlflow_store.NAME
    for content in (b"junk" * 999, None):
        path.unlink()
        if content is None:
            with contextlib.closing(sqlite3.connect(path)) as other:
                other.execute("create table runs (something)")
        else:
            path.write_bytes(content)
        assert _rows(ann)["one-v1"]["last_activity"] == COMMITTED
        assert "dates are those of git: mlflow.db: " in _notes(ann)
    path.write_bytes(b"")
    assert _notes(ann) == ""  # a store that was not made yet


def test_a_busy_store_is_told_and_nothing_is_written_to_it(
    ann: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(ann, "chunks", MARCH, MARCH)
    assert _rows(ann)["one-v1"]["activity_source"] == "mlflow"
    monkeypatch.setattr(run_times, "_SECONDS_TO_WAIT", 0.05)
    path = ann.root / mlflow_store.NAME
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("pragma user_version = 3")  # so that it changed
        writer.execute("begin exclusive")
        with pytest.raises(Unavailable, match="locked"):
            run_times.last(path)
        assert "locked" in _notes(ann)
        # What was known before is still known.
        assert _rows(ann)["one-v1"]["activity_source"] == "mlflow"


def test_a_server_is_asked_on_demand_and_what_it_said_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = _clone(tmp_path / "ann", '[tracking]\nuri = "http://127.0.0.1:9"\n')
    assert "were never asked for: mlws experiment list --online" in _notes(clone)
    start = datetime.fromtimestamp(MARCH, UTC)
    tags = {"mlws.heartbeat": "2026-03-02T00:00:00+00:00"}
    runs = [
        Run("a", "chunks", "FINISHED", start, start),
        Run("b", "x", "RUNNING", start, None, tags={"mlws.experiment_id": "two-v1", **tags}),
        Run("c", "chunks", "RUNNING", start, None, tags={"mlws.heartbeat": "nonsense"}),
    ]
    monkeypatch.setattr(results, "runs_of", lambda place: runs)
    assert _rows(clone, online=True)["one-v1"]["last_activity"] == "2026-03-01T00:00:00+00:00"
    assert _rows(clone)["two-v1"]["last_activity"] == "2026-03-02T00:00:00+00:00"
    assert "last runs are those of 20" in _notes(clone)

    def fails(place: object) -> list[Run]:
        raise Unavailable("no server answers")

    monkeypatch.setattr(results, "runs_of", fails)
    assert _rows(clone, online=True)["one-v1"]["activity_source"] == "mlflow"


def test_the_configuration_counts_as_soon_as_it_changes(
    ann: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _rows(ann)["one-v1"]["stale"] is True
    config = ann.root / "mlws.toml"
    config.write_text(config.read_text() + "[reports]\nstale_days = 9999\n")
    assert _rows(ann)["one-v1"]["stale"] is False
    monkeypatch.setenv("MLWS_REPORTS_STALE_DAYS", "3")
    assert _rows(ann)["one-v1"]["stale"] is True
    config.write_text(config.read_text() + "[nonsense]\n")
    with pytest.raises(InvalidFile, match="nonsense"):
        _rows(ann)


def test_show_tells_where_the_date_comes_from_without_importing_mlflow(
    ann: Clone, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(ann, "chunks", MARCH, MARCH)
    mlws = Mlws(ann.root, monkeypatch, capsys)
    shown = json.loads(mlws("experiment", "show", "one-v1", "--json").out)
    assert (shown["activity_source"], shown["notes"]) == ("mlflow", [])
    assert "activity_source   mlflow\n" in mlws("experiment", "show", "one-v1").out
    for name in [name for name in sys.modules if name.partition(".")[0] == "mlflow"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mlflow", None)
    (ann.root / mlflow_store.NAME).touch()
    assert "2026-03-01 00:00 (mlflow)" in mlws("experiment", "list").out
