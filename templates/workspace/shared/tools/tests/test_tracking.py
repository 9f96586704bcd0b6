"""Which store is used, and that a run really lands in it."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from shared_tools.configuration import ConfigurationError
from shared_tools.tracking import tracking_uri

SCRIPT = """
import os
import sys
from pathlib import Path

import mlflow
from shared_tools import tracking

for name in ("one", "two"):
    with tracking.start_run("spirals", name, folder=Path(sys.argv[1])):
        mlflow.log_metric("accuracy", 0.5)
        mlflow.log_text("hello", "note.txt")
made = mlflow.MlflowClient().create_run(mlflow.get_experiment_by_name("spirals").experiment_id)
with tracking.start_run("another", folder=Path(sys.argv[1])) as run:
    assert run.info.run_id != made.info.run_id
os.environ["MLFLOW_RUN_ID"] = made.info.run_id
with tracking.start_run("spirals", folder=Path(sys.argv[1])) as run:
    assert run.info.run_id == made.info.run_id
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder deep in a workspace whose name needs quoting, with no tracking variable set."""
    for name in ("MLFLOW_TRACKING_URI", "MLWS_TRACKING_URI", "MLFLOW_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    deep = tmp_path / "work space" / "experiments" / "active"
    deep.mkdir(parents=True)
    write(deep, 'uri = "sqlite:///mlflow.db"')
    return deep


def write(folder: Path, line: str) -> None:
    """Write the workspace's settings with one line in [tracking]."""
    (folder.parents[1] / "mlws.toml").write_text(f"[tracking]\n{line}\n", encoding="utf-8")


def test_a_relative_database_lies_at_the_root(folder: Path) -> None:
    """Every folder of the workspace gives the same address."""
    root = folder.parents[1]
    expected = f"sqlite:///{root.as_posix()}/mlflow.db"
    assert tracking_uri(folder) == tracking_uri(root) == expected


def test_options_of_the_address_are_kept(folder: Path) -> None:
    """Only the path part changes."""
    write(folder, 'uri = "sqlite:///data/mlflow.db?timeout=60"')
    assert tracking_uri(folder).endswith("/work space/data/mlflow.db?timeout=60")


@pytest.mark.parametrize(
    "uri", ["http://mlflow.example.org:5000", "sqlite:////var/mlflow.db", "sqlite:///:memory:"]
)
def test_a_server_and_an_absolute_path_stay_as_written(folder: Path, uri: str) -> None:
    """Nothing but a relative SQLite path needs the root."""
    write(folder, f'uri = "{uri}"')
    assert tracking_uri(folder) == uri


def test_the_environment_wins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLFLOW_TRACKING_URI wins over MLWS_TRACKING_URI, and both over the file."""
    monkeypatch.setenv("MLWS_TRACKING_URI", "http://two")
    assert tracking_uri(folder) == "http://two"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://one")
    assert tracking_uri(folder) == "http://one"


def test_without_a_line_the_default_counts(folder: Path) -> None:
    """An mlws.toml that says nothing about tracking is complete."""
    write(folder, "")
    assert tracking_uri(folder).endswith("/work space/mlflow.db")


@pytest.mark.parametrize("line", ["uri = 3", 'uri = ""', "uri ="])
def test_wrong_settings_are_refused(folder: Path, line: str) -> None:
    """The message names mlws.toml."""
    write(folder, line)
    with pytest.raises(ConfigurationError, match=r"mlws\.toml: "):
        tracking_uri(folder)


def test_runs_from_another_folder_land_in_the_workspace(folder: Path, tmp_path: Path) -> None:
    """Runs and files lie below the root, and MLFLOW_RUN_ID continues a run made beforehand."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    write(folder, 'uri = "sqlite:///data/mlflow.db"')
    # Two at once, because a store that does not exist yet is where they get into each other's way.
    command = [sys.executable, "-c", SCRIPT, str(folder)]
    both = [subprocess.Popen(command, cwd=elsewhere, env=dict(os.environ)) for _ in range(2)]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    root = folder.parents[1] / "data"
    with sqlite3.connect(root / "mlflow.db") as store:
        names = [row[0] for row in store.execute("SELECT name FROM experiments ORDER BY name")]
        runs = store.execute("SELECT status, count(*) FROM runs GROUP BY status").fetchall()
    assert names == ["Default", "another", "spirals"]
    assert runs == [("FINISHED", 8)]
    assert len(list((root / "mlartifacts").rglob("note.txt"))) == 4
    assert list(elsewhere.iterdir()) == []
