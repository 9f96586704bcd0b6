"""A small workspace in git with one experiment whose `train.py` really logs to MLflow."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlws_scaffold.adapters.git import Git
from tests.support import mlflow_store, tiny_workspace
from tests.support.template_repo import ROOT, commit, write

FOLDER = "experiments/active/ann/first"
METADATA = """\
# What is tried.
experiment_id: first
researcher: ann
created: 2026-10-19
status: in_progress  # by hand
goal: Find out whether it works
hypothesis: It does
mlflow_experiment: first
primary_metric: {name: accuracy, goal: maximize}
data: [{name: set, uri: "file:///x", sha256: "%s"}]
""" % ("a" * 64)
CONFIG = "extends: training.yaml\nmodel: {size: 3}\n"
# It says what it was given, obeys a file to wait for, and logs through the run made beforehand.
TRAIN = """\
import os, sys, time
from pathlib import Path
sys.path.append("@TOOLS@")  # behind all else, as an editable installation puts it
import shared_tools
from shared_tools.configuration import load_config

words = sys.argv[1:]
sets = [value for flag, value in zip(words, words[1:]) if flag == "--set"]
config = load_config(Path(words[words.index("--config") + 1]), sets)
from mlflow.tracking import MlflowClient
client, run = MlflowClient(), os.environ["MLFLOW_RUN_ID"]
client.log_metric(run, "accuracy", config["model"]["size"] / 10 + config["seed"] / 100)
client.log_metric(run, "train_seconds", time.time())
client.set_tag(run, "tools", shared_tools.__file__)
if "--wait" in words:
    Path("started").write_text(str(os.getpid()))
    time.sleep(120)
Path("outputs").mkdir(exist_ok=True)
Path("outputs/model.txt").write_text("made")
sys.exit(int(os.environ.get("TRAIN_STATUS", "0")))
"""
IGNORE = "mlflow.db*\nmlartifacts/\nexperiments/*/*/*/outputs/\n.env\nignored/\n__pycache__/\n"


def make(folder: Path) -> Path:
    """The workspace, all committed on main; `researcher@example.org` is Ann."""
    team = '[team.ann]\nname = "Ann"\nemail = "researcher@example.org"\n'
    root = tiny_workspace.make(folder, config=team, tracking="")
    shutil.copytree(ROOT / "templates/workspace/shared/tools/src", root / "shared/tools/src")
    write(
        root,
        {
            ".gitignore": IGNORE,
            "shared/configs/training.yaml": "seed: 1\nmodel: {size: 1, rate: 1e-3}\n",
            f"{FOLDER}/metadata.yaml": METADATA,
            f"{FOLDER}/config.yaml": CONFIG,
            f"{FOLDER}/train.py": TRAIN.replace("@TOOLS@", f"{root}/shared/tools/src"),
        },
    )
    Git(root).run("init", "--quiet")
    commit(root, "Start")
    mlflow_store.put(root)
    return root


def rows(root: Path, statement: str) -> list[Any]:
    """What a statement finds in the store, without MLflow."""
    with contextlib.closing(sqlite3.connect(root / "mlflow.db")) as store:
        return store.execute(statement).fetchall()


def tags(root: Path, run_id: str) -> dict[str, str]:
    statement = f"select key, value from tags where run_uuid = '{run_id}'"
    return dict(rows(root, statement))


def run_ids(root: Path) -> list[str]:
    """Ids of all runs, in the order of their start."""
    return [row[0] for row in rows(root, "select run_uuid from runs order by start_time")]


def artifact(root: Path, run_id: str, name: str) -> Path:
    """The file of an artifact of the run; it need not exist."""
    return next((root / "mlartifacts").glob(f"**/{run_id}")) / "artifacts" / name


def until(ready: Callable[[], object], seconds: float = 120) -> None:
    """Wait for something, with a loud end."""
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)


def gone(pid: int) -> bool:
    """Whether a process has ended, waited for or not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
