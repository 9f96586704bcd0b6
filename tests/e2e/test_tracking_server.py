"""A real MLflow server, with PostgreSQL behind it where that is installed, as the team's store."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from mlws_scaffold.adapters import recording
from mlws_scaffold.adapters.git import Git
from tests.support import mlflow_server, mlflow_store, run_workspace
from tests.support.commandline import Mlws
from tests.support.run_workspace import FOLDER
from tests.support.template_repo import commit, write

pytestmark = pytest.mark.services
MLWS = Path(sys.executable).with_name("mlws")


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Commands of this checkout with MLflow's own server."""
    return mlflow_server.environment(tmp_path_factory.mktemp("ui"))


@pytest.fixture(scope="session")
def server(commands: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with mlflow_server.running(commands, tmp_path_factory.mktemp("server")) as url:
        yield url


def _workspace(folder: Path, url: str, name: str) -> Path:
    """A workspace that names the server in its committed mlws.toml; the experiment has a name."""
    root = run_workspace.make(folder)
    (root / mlflow_store.NAME).unlink()
    config = root / "mlws.toml"
    metadata = root / FOLDER / "metadata.yaml"
    config.write_text(f'{config.read_text()}[tracking]\nuri = "{url}"\n')
    metadata.write_text(metadata.read_text().replace("experiment: first", f"experiment: {name}"))
    # A wait that ends by itself, for a script that outlives the server.
    script = root / FOLDER / "train.py"
    text = script.read_text().replace("time.sleep(120)", "time.sleep(float(os.environ['WAIT']))")
    script.write_text(text)
    commit(root, "Track to the server")
    return root


def _runs(mlws: Mlws) -> list[dict[str, object]]:
    return json.loads(mlws("experiment", "runs", "--experiment", "first", "--json").out)


def _until(ready: Callable[[], object], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)


def test_the_life_of_a_run_on_a_server(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = _workspace(tmp_path / "ws", server, "life")
    mlws = Mlws(root, monkeypatch, capsys)
    ended = mlws("run", "first", "--set", "model.size=5")
    assert ended.code == 0, ended.err
    [run] = _runs(mlws)
    assert (run["state"], run["recorded"], run["who"]) == ("finished", True, "ann")
    assert run["metrics"]["accuracy"] == 0.51  # type: ignore[index]
    repeated = mlws("run", "first", "--set", "model.size=5")
    assert (repeated.code, "accuracy 0.51" in repeated.err) == (1, True)

    connected = recording.connect(server, root)
    client = connected.client  # type: ignore[attr-defined]
    shown = client.get_run(run["run_id"])
    assert shown.info.run_name == str(run["run_id"])[:8]
    assert shown.info.artifact_uri.startswith("mlflow-artifacts:/")
    fetched = client.download_artifacts(run["run_id"], "mlws/config.resolved.yaml", str(tmp_path))
    assert "size: 5" in Path(fetched).read_text()

    assert mlws("experiment", "sync", "first").code == 0
    results = yaml.safe_load((root / FOLDER / "metadata.yaml").read_text())["results"]
    assert (results["best_metric"], results["run_id"]) == (0.51, run["run_id"])
    assert mlws("reproduce", str(run["run_id"])).code == 0
    assert "tracking store: the server at" in mlws("doctor").out
    assert server in mlws("ui").err


def test_an_unpushed_tree_is_reproduced_in_clean_clones_before_and_after_a_squash(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = _workspace(tmp_path / "ws", server, "clones")
    bare, git = tmp_path / "bare.git", Git(root)
    Git(tmp_path).run("init", "--quiet", "--bare", str(bare))
    git.run("remote", "add", "origin", str(bare))
    git.run("push", "--quiet", "origin", "main")
    git.run("switch", "--quiet", "-c", "experiment/ann/first")
    write(root, {f"{FOLDER}/config.yaml": "extends: training.yaml\nmodel: {size: 4}\n"})
    commit(root, "Larger")
    git.run("push", "--quiet", "origin", "experiment/ann/first")
    script = root / FOLDER / "train.py"
    script.write_text(script.read_text().replace("/ 10 +", "/ 8 + extra.MORE +"))
    script.write_text(script.read_text().replace("import shared_tools\n", "import extra\n" * 2))
    script.write_text(script.read_text().replace("shared_tools.__file__", "extra.__file__"))
    write(root, {f"{FOLDER}/extra.py": "MORE = 0.125\n"})
    mlws = Mlws(root, monkeypatch, capsys)
    ended = mlws("run", "first", "--push")
    assert ended.code == 0, ended.err
    [run] = _runs(mlws)
    assert (run["dirty"], run["metrics"]["accuracy"]) == (True, 0.635)  # type: ignore[index]

    def reproduced(name: str) -> dict[str, object]:
        clone = tmp_path / name
        Git(tmp_path).run("clone", "--quiet", "--no-local", str(bare), str(clone))
        ended = Mlws(clone, monkeypatch, capsys)("reproduce", str(run["run_id"]), "--json")
        assert ended.code == 0, ended.err
        return json.loads(ended.out)

    first = reproduced("clean")
    assert first["verdict"] == "equal"
    [metric] = first["metrics"]  # type: ignore[misc]
    assert (metric["recorded"], metric["now"]) == (0.635, 0.635)
    git.run("checkout", "--quiet", "--force", "main")
    git.run("merge", "--quiet", "--squash", "experiment/ann/first")
    commit(root, "Squashed")
    git.run("push", "--quiet", "origin", "main", ":experiment/ann/first")
    git.run("branch", "--quiet", "-D", "experiment/ann/first")
    Git(bare).run("gc", "--quiet", "--prune=now")
    assert reproduced("after")["verdict"] == "equal"


def test_a_server_that_goes_away_costs_neither_the_exit_code_nor_the_end(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    with mlflow_server.line(server) as line:
        root = _workspace(tmp_path / "ws", line.address, "away")
        env = {**os.environ, "WAIT": "2", "TRAIN_STATUS": "7"}
        command = [MLWS, "run", "first", "--", "--wait"]
        with subprocess.Popen(command, cwd=root, env=env, stderr=subprocess.PIPE, text=True) as run:
            started = root / FOLDER / "started"
            _until(lambda: started.exists() and started.read_text())
            line.cut()
            said = run.communicate(timeout=300)[1]
        assert run.returncode == 7, said
        assert "is not recorded" in said
        assert "mlws experiment reap" in said
        mlws = Mlws(root, monkeypatch, capsys)
        assert mlws("experiment", "runs").code == 4
        refused = mlws("run", "first", "--force")
        assert (refused.code, "cannot be read" in refused.err) == (4, True)
        assert mlws("experiment", "reap").code == 4

        line.mend()
        [shown] = _runs(mlws)
        assert shown["state"] == "lost"
        assert "would end as failed" in mlws("experiment", "reap", "--dry-run").out
        assert mlws("experiment", "reap").out.startswith("failed: ")
        [shown] = _runs(mlws)
        assert (shown["state"], shown["metrics"]["accuracy"]) == ("failed", 0.31)  # type: ignore[index]
        assert 1 < float(str(shown["seconds"])) < 200
        assert "no run is lost" in mlws("experiment", "reap").out


def test_a_lost_run_on_a_server_is_reaped(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = _workspace(tmp_path / "ws", server, "lost")
    env = {**os.environ, "WAIT": "600"}
    parent = subprocess.Popen([MLWS, "run", "first", "--", "--wait"], cwd=root, env=env)
    started = root / FOLDER / "started"
    _until(lambda: started.exists() and started.read_text())
    mlws = Mlws(root, monkeypatch, capsys)
    [run] = _runs(mlws)
    client = recording.connect(server, root).client  # type: ignore[attr-defined]
    child = started.read_text()
    tags = client.get_run(run["run_id"]).data.tags
    _until(lambda: client.get_run(run["run_id"]).data.tags["mlws.job_id"].startswith(f"{child}@"))
    assert (run["state"], tags["mlws.watcher"].startswith(f"{parent.pid}@")) == ("running", True)
    parent.kill()
    parent.wait()
    os.kill(int(child), signal.SIGKILL)
    _until(lambda: _runs(mlws)[0]["state"] == "lost")
    assert mlws("experiment", "reap").out.startswith("lost: ")
    assert client.get_run(run["run_id"]).info.status == "KILLED"


def test_only_names_that_compose_allows_reach_the_server(server: str) -> None:
    def asked(host: str) -> int:
        request = urllib.request.Request(f"{server}/api/2.0/mlflow/experiments/get?experiment_id=0")
        request.add_header("Host", host)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    port = server.rpartition(":")[2]
    hosts = ("mlflow", f"localhost:{port}", "evil.example.org")
    assert [asked(host) for host in hosts] == [200, 200, 403]


def test_the_page_opens_on_the_workspace_and_ends_with_all_it_started(
    commands: Path, tmp_path: Path
) -> None:
    root = run_workspace.make(tmp_path / "ws")
    made = recording.connect("sqlite:///mlflow.db", root)
    run = made.create(made.experiment("seen"), {"mlws.experiment_id": "first"})
    port = mlflow_server.free_port()
    command = [commands / "mlws", "ui", "--port", str(port)]
    log = tmp_path / "ui.log"
    with log.open("wb") as output:
        page = subprocess.Popen(
            command, cwd=root, stdout=output, stderr=output, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}"
    mlflow_server.wait_for(url, page, log)
    _until(lambda: f"MLflow's page: {url}" in log.read_text())
    with urllib.request.urlopen(url, timeout=60) as answer:
        assert b"<!doctype html>" in answer.read().lower()
    asked = f"{url}/api/2.0/mlflow/runs/get?run_id={run}"
    with urllib.request.urlopen(asked, timeout=60) as answer:
        assert json.load(answer)["run"]["info"]["run_name"] == run[:8]
    taken = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert (taken.returncode, f"--port {port + 1}" in taken.stderr) == (2, True)
    inside = _below(page.pid)
    assert inside
    page.send_signal(signal.SIGINT)
    assert page.wait(60) == 0, log.read_text()
    _until(lambda: not any(_lives(pid) for pid in inside), 30)


def _below(pid: int) -> list[int]:
    """All processes that this one started, and theirs."""
    found = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*found, *(inner for each in found for inner in _below(each))]


def _lives(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
