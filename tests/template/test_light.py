"""What making a project costs, counted where noise cannot reach: modules and started programs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from tests.support import template_repo

HEAVY = {"copier", "email", "importlib.metadata", "mlflow", "plumbum", "pydantic", "ruamel", "rich"}
GOAL = ["--goal", "What generating costs"]
_COUNTED = """
import json, sys
started = []
sys.addaudithook(
    lambda event, given: started.append(given[1]) if event == "subprocess.Popen" else None
)
from mlws_scaffold.cli.new import main
sys.argv[0] = "mlws-new"
try:
    main()
except SystemExit as ended:
    seen = {"status": ended.code, "started": started, "modules": sorted(sys.modules)}
    print("COUNTED", json.dumps(seen))
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """The git commands that were started, and the modules in memory at the end."""

    started: list[str]
    modules: set[str]


def cost(folder: Path, *words: str | Path) -> Cost:
    """Run `mlws-new` and look at it from inside."""
    command = [sys.executable, "-c", _COUNTED, *(str(word) for word in words)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    seen = json.loads(done.stdout.partition("COUNTED ")[2])
    assert seen["status"] == 0, done.stderr
    return Cost([_verb(line) for line in seen["started"]], set(seen["modules"]))


def _verb(command: list[str]) -> str:
    """The command of git, without the settings before it."""
    words = iter(command[1:])
    for word in words:
        if word == "-c":
            next(words)
        elif not word.startswith("--"):
            return word
    raise AssertionError(command)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A committed workspace with a branch `develop`, and an index that knows it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    cost(tmp_path, "workspace", "ws", "--defaults", "--skip-hooks")
    git = Git(tmp_path / "ws")
    git.run("init", "--quiet", "--initial-branch=main")
    template_repo.commit(git.folder, "First commit")
    git.run("branch", "develop")
    return git.folder


def test_a_workspace_is_made_without_starting_anything(tmp_path: Path) -> None:
    seen = cost(tmp_path, "workspace", "ws", "--defaults", "--skip-hooks")
    assert seen.started == []
    ours = {"mlws_scaffold.adapters.git", "mlws_scaffold.workspace.config"}
    assert seen.modules & (HEAVY | ours | {"sqlite3"}) == set()


def test_an_experiment_without_a_branch_asks_git_for_branches_and_a_name(place: Path) -> None:
    cost(place, "experiment", "one", *GOAL, "--no-branch")  # makes the index
    shutil.rmtree(place / "experiments/active/researcher/one")
    seen = cost(place, "experiment", "one", *GOAL, "--no-branch")
    # A work tree this young may have changed within the resolution of its dates.
    assert [verb for verb in seen.started if verb != "status"] == ["for-each-ref", "config"]
    assert seen.modules & HEAVY == set()


def test_an_experiment_on_its_branch_starts_no_program_for_a_single_answer(place: Path) -> None:
    cost(place, "experiment", "one", *GOAL, "--no-branch")
    shutil.rmtree(place / "experiments/active/researcher/one")
    seen = cost(place, "experiment", "one", *GOAL)
    assert [verb for verb in seen.started if verb != "status"] == [
        "for-each-ref", "config", "rev-parse", "for-each-ref", "switch",
    ]  # fmt: skip
    assert seen.modules & HEAVY == set()
    assert Git(place).branch() == "experiment/researcher/one"
