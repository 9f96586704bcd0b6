"""The tables of a SQLite store, written and read without MLflow, are what MLflow itself sees."""

from __future__ import annotations

import contextlib
import math
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlws_scaffold.adapters import mlflow_tables, recording, tracking
from mlws_scaffold.adapters.recording import ByClient, ByTables, Recorder
from mlws_scaffold.errors import Unavailable
from tests.support import mlflow_store

URI = f"sqlite:///{mlflow_store.NAME}"
TAGS = {
    "mlws.experiment_id": "first",
    "mlws.data.a b/c.sha256": "0" * 64,
    "mlflow.user": "ann",
    "long": "x" * 9000,
    "words": 'it\'s `quoted` "twice" ü\n2',
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    mlflow_store.put(tmp_path)
    return tmp_path


def _by_client(root: Path) -> ByClient:
    return ByClient(tracking.client(URI, root), tracking.address(URI, root), root / "mlflow.db")


def _recorded(recorder: Recorder, root: Path) -> dict[str, str]:
    """One run from its beginning to its end, as MLflow's client then shows it."""
    experiment = recorder.experiment("a name/with: signs")
    assert recorder.experiment("a name/with: signs") == experiment
    run = recorder.create(experiment, TAGS)
    (root / "kept/inner").mkdir(parents=True)
    (root / "kept/inner/a.txt").write_text("text")
    (root / "kept/b.bin").write_bytes(b"\0\1")
    recorder.files(run, root / "kept", "mlws")
    recorder.tag(run, {"mlws.heartbeat": "1"})
    recorder.tag(run, {"mlws.heartbeat": "2", "long": "", "mlflow.runName": "other"})
    recorder.end(run, "FAILED")
    recorder.reopen(run)
    client = _by_client(root).client
    reopened = client.get_run(run).info
    assert (reopened.status, reopened.end_time is None) == ("RUNNING", False)
    recorder.end(run, "KILLED")
    found = client.get_run(run)
    assert found.info.start_time <= found.info.end_time
    place = client.get_experiment(experiment)
    assert place.creation_time <= place.last_update_time <= found.info.start_time
    info = {key: str(value) for key, value in dict(found.info).items() if "time" not in key}
    shown = {
        **info,
        **found.data.tags,
        "experiment": f"{place.name} {place.artifact_location} {place.lifecycle_stage}",
        "files": " ".join(
            item.path
            for folder in ("mlws", "mlws/inner")
            for item in client.list_artifacts(run, folder)
        ),
    }
    return {key: text.replace(run, "RUN").replace(str(root), "ROOT") for key, text in shown.items()}


def test_what_is_written_is_what_mlflow_writes(tmp_path: Path) -> None:
    places = [tmp_path / "tables", tmp_path / "client"]
    for place in places:
        place.mkdir()
        mlflow_store.put(place)
    ours = recording.connect(URI, places[0])
    assert isinstance(ours, ByTables)
    assert _recorded(ours, places[0]) == _recorded(_by_client(places[1]), places[1])


def test_a_run_is_called_by_the_beginning_of_its_id_in_either_way(root: Path) -> None:
    for recorder in (recording.connect(URI, root), _by_client(root)):
        run = recorder.create(recorder.experiment("one"), {})
        shown = _by_client(root).client.get_run(run)
        assert (shown.info.run_name, shown.data.tags["mlflow.runName"]) == (run[:8], run[:8])
        assert shown.info.user_id == "unknown"


def test_a_run_made_beforehand_is_continued_by_plain_mlflow(root: Path) -> None:
    import mlflow

    recorder = recording.connect(URI, root)
    run = recorder.create(recorder.experiment("one"), {})
    mlflow.set_tracking_uri(recorder.uri)
    try:
        with mlflow.start_run(run_id=run):
            mlflow.log_metric("loss", 0.5)
            mlflow.log_text("text", "made.txt")
    finally:
        mlflow.set_tracking_uri(None)
    [found] = tracking.search(URI, root, ["one"])
    assert (found["status"], found["metrics"]) == ("FINISHED", {"loss": 0.5})
    assert next((root / "mlartifacts").rglob("made.txt")).read_text() == "text"


def _filled(root: Path) -> None:
    """Runs in several experiments, some deleted, with every odd value that MLflow takes."""
    client = _by_client(root).client
    names = [client.create_experiment(name) for name in ("a", "b", "gone")]
    for number, experiment in enumerate([*names, *names, "0"]):
        run = client.create_run(experiment, start_time=1000 * (number % 3)).info.run_id
        client.set_tag(run, "kind", "it's `x`" if number % 2 else "")
        client.set_tag(run, "even", str(number % 2 == 0))
        client.log_param(run, "rate", number / 3)
        for step, value in enumerate([0.1, math.nan, math.inf, -math.inf][: number + 1]):
            client.log_metric(run, "m", value, step=step)
            client.log_metric(run, f"m{step}", value)
        if number % 3:
            client.set_terminated(run, "FAILED")
        if number == 4:
            client.delete_run(run)
    client.delete_experiment(names[2])


@pytest.mark.parametrize("names", [None, ["a"], ["a", "b", "gone", "absent"], []])
@pytest.mark.parametrize("tags", [{}, {"even": "True"}, {"even": "True", "kind": ""}])
def test_what_is_found_is_what_mlflow_finds(
    tmp_path_factory: pytest.TempPathFactory, names: list[str] | None, tags: dict[str, str]
) -> None:
    root = tmp_path_factory.getbasetemp() / "filled-store"
    if not root.exists():
        root.mkdir()
        mlflow_store.put(root)
        _filled(root)
    wanted = " AND ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
    theirs = tracking.search_by_client(_by_client(root).client, names, wanted)
    ours = tracking.search(URI, root, names, tags)
    assert repr(ours) == repr(theirs)
    assert bool(ours) == (names != [])


@given(
    key=st.text("ab/.-_: ü\n=", max_size=12)
    | st.text(max_size=300)
    | st.sampled_from(["a\n", "\n", "mlflow.runName"]),
    value=st.text(max_size=30) | st.just("x" * 8001),
)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_tag_is_taken_or_refused_as_mlflow_does(
    one: tuple[Path, str], key: str, value: str
) -> None:
    root, run = one
    taken = []
    for recorder in (_by_client(root), recording.connect(URI, root)):
        try:
            recorder.tag(run, {key: value})
        except Unavailable:
            taken.append(None)
        else:
            taken.append(_by_client(root).client.get_run(run).data.tags.get(key))
    assert taken[0] == taken[1]


@pytest.fixture
def one(root: Path) -> tuple[Path, str]:
    recorder = recording.connect(URI, root)
    return root, recorder.create(recorder.experiment("one"), {})


def test_what_mlflow_refuses_is_refused(root: Path) -> None:
    client = _by_client(root).client
    recorder = recording.connect(URI, root)
    experiment = recorder.experiment("one")
    run, deleted = (recorder.create(experiment, {}) for _ in range(2))
    client.delete_run(deleted)
    client.delete_experiment(client.create_experiment("gone"))
    for refused in (recorder, _by_client(root)):
        for bad in ("a\nb", "../a", "a//b", "x" * 251, "a=b", ""):
            with pytest.raises(Unavailable):
                refused.tag(run, {bad: "1"})
        for absent in (deleted, "0" * 32):
            with pytest.raises(Unavailable, match=absent):
                refused.end(absent, "FINISHED")
            with pytest.raises(Unavailable, match=absent):
                refused.tag(absent, {"a": "1"})
        with pytest.raises(Unavailable, match="deleted"):
            refused.experiment("gone")
        with pytest.raises(Unavailable):
            refused.experiment("x" * 501)
        with pytest.raises(Unavailable):
            refused.create("77", {})
    assert set(client.get_run(run).data.tags) == {"mlflow.runName"}


def test_a_script_keeps_mlflows_own_patience(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    retries = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
    monkeypatch.delenv(retries, raising=False)
    tracking.client(URI, root)
    assert int(os.environ[retries]) < 7
    assert retries not in tracking.own_environment()
    monkeypatch.setenv(retries, "9")
    tracking.client(URI, root)
    assert tracking.own_environment()[retries] == "9"


def test_a_store_that_went_away_is_not_made_anew(root: Path) -> None:
    recorder = recording.connect(URI, root)
    run = recorder.create(recorder.experiment("one"), {})
    (root / mlflow_store.NAME).unlink()
    with pytest.raises(Unavailable, match="unable to open"):
        recorder.end(run, "FINISHED")
    assert not (root / mlflow_store.NAME).exists()


@pytest.mark.parametrize(
    "change",
    [
        "alter table runs add column another text",
        "create trigger t after insert on tags begin select 1; end",
        "insert into experiments (name, workspace) values ('x', 'team')",
        "drop table latest_metrics",
    ],
)
def test_tables_of_another_shape_are_left_to_mlflow(root: Path, change: str) -> None:
    path = root / mlflow_store.NAME
    assert mlflow_tables.known(path)
    with contextlib.closing(sqlite3.connect(path)) as store:
        store.execute(change)
        store.commit()
    assert not mlflow_tables.known(path)
    if change.startswith("alter"):
        recorder = recording.connect(URI, root)
        assert isinstance(recorder, ByClient)
        run = recorder.create(recorder.experiment("one"), {"a": "1"})
        [found] = tracking.search(URI, root, None, {"a": "1"})
        assert found["run_id"] == run


def test_many_at_once_make_one_experiment_and_lose_nothing(root: Path) -> None:
    def work(number: int) -> str:
        recorder = recording.connect(URI, root)
        run = recorder.create(recorder.experiment("one"), {"number": str(number)})
        for beat in range(5):
            recorder.tag(run, {"mlws.heartbeat": str(beat)})
        recorder.end(run, "FINISHED")
        return run

    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(work, range(24)))
    found = tracking.search(URI, root, ["one"])
    assert {row["run_id"] for row in found} == made
    assert {row["tags"]["mlws.heartbeat"] for row in found} == {"4"}
    assert len({row["tags"]["number"] for row in found}) == 24


def test_files_of_a_run_whose_artifacts_lie_elsewhere_are_left_to_mlflow(root: Path) -> None:
    tables = mlflow_tables.Tables(root / mlflow_store.NAME)
    with contextlib.closing(sqlite3.connect(tables.path)) as store:
        for name, place in (("far", "s3://bucket/x?a=b"), ("plain", "/data/a b")):
            values = "values (?, ?, 'active', 0, 0, 'default')"
            store.execute(
                "insert into experiments (name, artifact_location, lifecycle_stage,"
                f" creation_time, last_update_time, workspace) {values}",
                [name, place],
            )
        store.commit()
    far, plain = (
        tables.create(tables.experiment(name, root), {"name": name}) for name in ("far", "plain")
    )
    assert tables.folder(far) is None
    assert tables.folder(plain) == Path(f"/data/a b/{plain}/artifacts")
    shown = _by_client(root).client.get_run(far).info.artifact_uri
    assert shown == f"s3://bucket/x/{far}/artifacts?a=b"
