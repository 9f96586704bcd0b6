"""What recording costs: `mlws run` against the same script started by hand, which logs the same
metrics to a copy of the same migrated SQLite store; for several numbers of steps.

python benchmarks/tracking.py [--steps N …] [--rounds N]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import Case, medians

from mlws_scaffold.adapters import mlflow

BIN = Path(sys.executable).parent
FOLDER = "experiments/active/ann/first"
METADATA = """\
experiment_id: first
researcher: ann
created: 2026-10-19
status: in_progress
goal: Find out what recording costs
hypothesis: Little
mlflow_experiment: first
"""
# Plain MLflow, as a person writes it; a run that was made beforehand is continued.
TRAIN = """\
import sys
import mlflow

config = dict(line.split(": ") for line in open("config.yaml").read().splitlines())
with mlflow.start_run():
    mlflow.log_params(config)
    for step in range(int(config["steps"])):
        mlflow.log_metrics({"loss": 1 / (step + 1), "accuracy": 1 - 1 / (step + 1)}, step=step)
"""


def make(root: Path, steps: int) -> Path:
    """A workspace in git whose experiment takes that many steps; its folder."""
    folder = root / FOLDER
    folder.mkdir(parents=True)
    (root / "mlws.toml").write_text('[workspace]\nname = "tiny"\n')
    (root / ".gitignore").write_text("mlflow.db*\nmlartifacts/\n")
    tools = Path(__file__).parents[1] / "templates/workspace/shared/tools/src"
    skipped = shutil.ignore_patterns("__pycache__")
    shutil.copytree(tools, root / "shared/tools/src", ignore=skipped)
    (folder / "metadata.yaml").write_text(METADATA)
    (folder / "config.yaml").write_text(f"seed: 1\nsteps: {steps}\n")
    (folder / "train.py").write_text(TRAIN)
    identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
    for command in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-q", "-m", "Start"]):
        subprocess.run(["git", "-C", str(root), *command], check=True)
    return folder


def cases(work: Path, migrated: Path, steps: int) -> list[Case]:
    """The two ways to run it, each with a fresh copy of the store."""
    root = work / f"steps-{steps}"
    folder = make(root, steps)
    bare = [
        "env",
        f"MLFLOW_TRACKING_URI=sqlite:///{root}/mlflow.db",
        "MLFLOW_EXPERIMENT_NAME=first",
    ]

    def renew() -> None:
        shutil.copy2(migrated, root / "mlflow.db")
        shutil.rmtree(root / "mlartifacts", ignore_errors=True)

    return [
        Case(f"train.py, {steps} steps", [*bare, sys.executable, "train.py"], renew, folder),
        Case(f"mlws run, {steps} steps", [BIN / "mlws", "run"], renew, folder),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mlws-benchmark-") as name:
        work = Path(name)
        os.environ["XDG_STATE_HOME"] = str(work / "state")
        os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
        mlflow.prepare("sqlite:///mlflow.db", work)
        store = work / "mlflow.db"
        both = [case for steps in asked.steps for case in cases(work, store, steps)]
        found = medians(both, asked.rounds)
        print("steps  train.py CPU ms  mlws run CPU ms  ratio  difference ms")
        for number, steps in enumerate(asked.steps):
            bare, ours = (found[case.name] * 1000 for case in both[2 * number :][:2])
            print(f"{steps:5}  {bare:15.0f}  {ours:15.0f}  {ours / bare:5.2f}  {ours - bare:13.0f}")


if __name__ == "__main__":
    main()
