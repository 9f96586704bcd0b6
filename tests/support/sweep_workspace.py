"""The workspace of `run_workspace` with a `train.py` that a test holds at a gate, by its size."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from tests.support import run_workspace
from tests.support.run_workspace import FOLDER, rows
from tests.support.template_repo import commit, write

MLWS = Path(sys.executable).with_name("mlws")
# Each start leaves a file with its process id in $GATE, and waits there for `go-<size>` or `go`.
# The metric and the end go through MLflow, or with --light into its tables, in no time.
TRAIN = """\
import os, sqlite3, sys, time
from pathlib import Path
sys.path.append("@TOOLS@")
from shared_tools.configuration import load_config

words = sys.argv[1:]
sets = [value for flag, value in zip(words, words[1:]) if flag == "--set"]
config = load_config(Path(words[words.index("--config") + 1]), sets)
size, run = config["model"]["size"], os.environ["MLFLOW_RUN_ID"]
gate = Path(os.environ["GATE"])
(gate / f"started-{size}-{config['seed']}-{os.getpid()}").write_text(run)
while not (gate / "go").exists() and not (gate / f"go-{size}").exists():
    time.sleep(0.05)
accuracy = size / 10 + config["seed"] / 100
if "--light" in words:
    with sqlite3.connect(os.environ["MLFLOW_TRACKING_URI"].removeprefix("sqlite:///"), 60) as store:
        store.execute(
            "insert into latest_metrics (key, value, timestamp, step, is_nan, run_uuid)"
            " values ('accuracy', ?, 0, 0, 0, ?)", (accuracy, run),
        )
        store.execute("update runs set status = 'FINISHED' where run_uuid = ?", (run,))
else:
    import mlflow
    with mlflow.start_run():
        mlflow.log_metric("accuracy", accuracy)
Path("outputs").mkdir(exist_ok=True)
Path("outputs/model.txt").write_text(str(size))
print("trained with", size)
sys.exit(3 if os.environ.get("FAILING") == str(size) else 0)
"""


def make(folder: Path, sweep: str) -> Path:
    """The workspace, all committed, with `sweep.yaml` in its experiment and a gate beside it."""
    root = run_workspace.make(folder)
    script = TRAIN.replace("@TOOLS@", f"{root}/shared/tools/src")
    write(root, {f"{FOLDER}/train.py": script, f"{FOLDER}/sweep.yaml": sweep})
    commit(root, "Sweep")
    gate(root).mkdir()
    return root


def gate(root: Path) -> Path:
    """The folder to set as GATE."""
    return root.parent / "gate"


def started(root: Path) -> dict[str, list[int]]:
    """Process ids of every start, by size."""
    found: dict[str, list[int]] = {}
    for path in sorted(gate(root).glob("started-*")):
        _, size, _, pid = path.name.split("-")
        found.setdefault(size, []).append(int(pid))
    return found


def let_go(root: Path, sizes: Iterable[object] = ("",)) -> None:
    """Open the gate for some sizes, or for all."""
    for size in sizes:
        (gate(root) / f"go-{size}".rstrip("-")).touch()


def parents(root: Path) -> list[str]:
    statement = "select run_uuid from tags where key = 'mlws.sweep.points'"
    return [row[0] for row in rows(root, statement)]


def points(root: Path, parent: str) -> list[tuple[str, str, str]]:
    """Name, status and id of every run below the parent, by their start."""
    return rows(
        root,
        "select name, status, run_uuid from runs join tags using (run_uuid)"
        f" where key = 'mlflow.parentRunId' and value = '{parent}' order by start_time",
    )
