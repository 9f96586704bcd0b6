"""`mlws run` on a real store: what is recorded, what is refused, what is never captured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from tests.support import run_workspace
from tests.support.commandline import Mlws
from tests.support.run_workspace import FOLDER, artifact, rows, run_ids, tags
from tests.support.template_repo import commit, write

pytestmark = pytest.mark.slow

PEM = "-----BEGIN PRIVATE " + "KEY-----\nabc\n"
TOKEN = "ghp_" + "a1" * 18


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return run_workspace.make(tmp_path / "ws")


@pytest.fixture
def mlws(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mlws:
    return Mlws(root, monkeypatch, capsys)


def test_a_run_is_recorded_and_the_same_again_is_refused_with_its_metric(
    root: Path, mlws: Mlws
) -> None:
    ended = mlws("run", "first", "--set", "model.size=5")
    assert ended.code == 0, ended.err
    [run] = run_ids(root)
    assert rows(root, "select status from runs") == [("FINISHED",)]
    found, head = tags(root, run), Git(root).run("rev-parse", "HEAD")
    expected = {
        "mlws.experiment_id": "first",
        "mlws.researcher": "ann",
        "mlws.git.commit": head,
        "mlws.git.dirty": "false",
        "mlws.data.set.sha256": "a" * 64,
        "mlws.seed": "1",
        "mlws.command": "python train.py --config config.yaml --set model.size=5",
        "mlws.backend": "local",
        "mlws.actor": "human",
        "mlws.exit_status": "0",
        "mlflow.user": "ann",
    }
    assert {name: found.get(name) for name in expected} == expected
    assert float(found["mlws.duration_seconds"]) > 0
    assert float(found["mlws.peak_memory_mb"]) > 1
    assert Git(root).run("rev-parse", f"refs/mlws/runs/{run}") == head
    assert "size: 5" in artifact(root, run, "mlws/config.resolved.yaml").read_text()
    assert "rate: 0.001" in artifact(root, run, "mlws/config.resolved.yaml").read_text()
    assert "\nsqlalchemy==" in artifact(root, run, "mlws/environment.txt").read_text()
    assert json.loads(artifact(root, run, "mlws/system.json").read_text())["cpus"] >= 1
    assert not artifact(root, run, "mlws/diff.patch").exists()

    again = mlws("run", FOLDER, "--set", "model.size=5")
    assert again.code == 1
    assert run in again.err
    assert "by ann on" in again.err
    assert "accuracy 0.51" in again.err
    assert run_ids(root) == [run]
    assert mlws("run", "first", "--set", "model.size=5", "--seed", "2").code == 0
    assert mlws("run", "first", "--set", "model.size=5", "--force").code == 0
    assert len(run_ids(root)) == 3


def test_what_decides_about_the_code_decides_about_the_warning(root: Path, mlws: Mlws) -> None:
    assert mlws("run", "first").code == 0
    write(root, {f"{FOLDER}/README.md": "words", "notes.md": "elsewhere"})
    assert "was run before" in mlws("run", "first").err
    write(root, {f"{FOLDER}/extra.py": "x = 1\n"})
    assert mlws("run", "first").code == 0
    assert "was run before" in mlws("run", "first").err


def test_a_planned_experiment_starts_with_a_hypothesis_and_keeps_its_comments(
    root: Path, mlws: Mlws
) -> None:
    planned = run_workspace.METADATA.replace("in_progress", "planned")
    path = root / FOLDER / "metadata.yaml"
    path.write_text(planned.replace("hypothesis: It does\n", ""))
    commit(root, "Plan")
    refused = mlws("run", "first")
    assert refused.code == 1
    assert "hypothesis" in refused.err
    assert run_ids(root) == []
    path.write_text(planned)
    commit(root, "Expect")
    assert mlws("run", "first").code == 0
    after = path.read_text()
    assert after.split() == run_workspace.METADATA.split()  # the comment's column may move
    assert tags(root, run_ids(root)[0])["mlws.git.dirty"] == "false"


def test_a_dirty_tree_is_kept_without_secrets_and_without_touching_anything(
    root: Path, mlws: Mlws
) -> None:
    write(
        root,
        {
            "shared/tools/src/shared_tools/__init__.py": "EDITED = 1\n",
            f"{FOLDER}/new.py": "y = 2\n",
            f"{FOLDER}/.env": "PASSWORD=secret-1\n",
            f"{FOLDER}/key.pem": "secret-2\n",
            f"{FOLDER}/settings.txt": f"{TOKEN}\n",
            f"{FOLDER}/id_rsa": PEM,
            "ignored/data.txt": "secret-3\n",
            "staged.txt": "first\n",
        },
    )
    git = Git(root)
    git.run("add", "staged.txt", f"{FOLDER}/key.pem")
    write(root, {"staged.txt": "second\n"})
    before = git.run("status", "--porcelain"), git.run("ls-files", "--stage"), git.run("reflog")
    ended = mlws("run", "first")
    assert ended.code == 0, ended.err
    after = git.run("status", "--porcelain"), git.run("ls-files", "--stage"), git.run("reflog")
    assert before == after
    [run] = run_ids(root)
    assert tags(root, run)["mlws.git.dirty"] == "true"
    pinned = f"refs/mlws/runs/{run}"
    files = set(git.run("ls-tree", "-r", "--name-only", pinned).splitlines())
    assert {f"{FOLDER}/new.py", "staged.txt"} <= files
    assert not {path for path in files if path.endswith((".env", ".pem", "settings.txt", "rsa"))}
    assert git.run("show", f"{pinned}:staged.txt") == "second"
    patch = artifact(root, run, "mlws/diff.patch").read_text()
    assert "+EDITED = 1" in patch
    system = json.loads(artifact(root, run, "mlws/system.json").read_text())
    assert f"{FOLDER}/new.py" in system["untracked"]
    assert f"{FOLDER}/settings.txt" in system["left_out"]
    kept = patch + git.run("log", "-p", "--format=", f"{pinned}^!")
    assert not [word for word in ("secret-", "PRIVATE KEY", TOKEN) if word in kept]
    assert f"{FOLDER}/key.pem" in ended.err


def test_a_failing_script_ends_the_run_and_gives_its_exit_code(
    root: Path, mlws: Mlws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAIN_STATUS", "7")
    assert mlws("run", "first", "--", "--extra", "word").code == 7
    [run] = run_ids(root)
    assert rows(root, "select status from runs") == [("FAILED",)]
    assert tags(root, run)["mlws.command"].endswith("config.yaml --extra word")
    monkeypatch.delenv("TRAIN_STATUS")
    # A failed one is no reason to warn.
    mlws = Mlws(root / FOLDER, mlws.monkeypatch, mlws.capsys)
    assert mlws("run", "--", "--extra", "word").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--on", "elsewhere"], 2, "known: kubernetes, local, slurm"),
        (["--set", "modle.size=3"], 2, "did you mean model"),
        (["--config", "other.yaml"], 2, "no other.yaml"),
        (["--", "--set", "a=1"], 2, "in front of --"),
        (["--", "--token", TOKEN], 2, "looks like a secret"),
    ],
)
def test_what_is_asked_wrongly_is_refused_before_a_run_exists(
    root: Path, mlws: Mlws, arguments: list[str], code: int, said: str
) -> None:
    ended = mlws("run", "first", *arguments)
    assert (ended.code, said in ended.err) == (code, True), ended.err
    assert run_ids(root) == []


def test_a_bare_script_is_listed_as_unrecorded(root: Path, mlws: Mlws) -> None:
    assert mlws("run", "first").code == 0
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{root}/mlflow.db")
    bare = client.create_run("0")
    client.set_terminated(bare.info.run_id)
    found = json.loads(mlws("experiment", "runs", "--json").out)
    assert [(run["recorded"], run["state"]) for run in found] == [
        (False, "finished"),
        (True, "finished"),
    ]
    assert "unrecorded" in mlws("experiment", "runs", "--since", "yesterday").out
    only = json.loads(mlws("experiment", "runs", "--experiment", "first", "--json").out)
    assert [run["experiment"] for run in only] == ["first"]
    assert mlws("experiment", "runs", "--since", "2099-01-01").out.startswith("no runs")
    assert mlws("experiment", "runs", "--since", "soon").code == 2


def test_no_repository_is_said(tmp_path: Path, root: Path, mlws: Mlws) -> None:
    subprocess.run(["rm", "-rf", root / ".git"], check=True)
    ended = mlws("run", "first")
    assert (ended.code, "no git repository" in ended.err) == (1, True)


def test_the_parent_never_imports_mlflow(root: Path) -> None:
    code = (
        "import sys; from mlws_scaffold.cli.app import main\n"
        "try: main()\n"
        "except SystemExit as ended:\n"
        "    print('HEAVY', ended.code, sorted({'mlflow', 'sqlalchemy'} & set(sys.modules)))"
    )
    for arguments in (["run", "first"], ["experiment", "runs"]):
        command = [sys.executable, "-c", code, *arguments]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
        assert "HEAVY 0 []" in done.stdout, done.stdout
