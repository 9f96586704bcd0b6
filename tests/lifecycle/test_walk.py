"""The clean-machine walks: what a newcomer types, in fresh environments, from a real index."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from tests.support.installation import ROOT, Installation, run

pytestmark = pytest.mark.slow

# The tutorial is executed by tests/e2e/test_story.py.
GOAL = "Find out whether a small network separates the classes"


def _blocks(path: Path) -> list[str]:
    """The shell blocks of a page, in order."""
    return re.findall(r"^```bash\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)


def _runs(workspace: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(workspace / "mlflow.db") as store:
        return store.execute(
            "select e.name, r.status from runs r join experiments e using (experiment_id)"
        ).fetchall()


def test_plain_copier_then_the_set_up_script_then_a_first_experiment(
    installed: Installation, clone: Path, tmp_path: Path
) -> None:
    """Copier first, then only what the workspace itself brings along."""
    said = installed.run(
        "copier", "copy", "--trust", "--defaults", clone, "ws", folder=tmp_path
    ).output
    assert "done     git repository" in said
    place = tmp_path / "ws"
    run(["scripts/setup-env.sh"], place)
    run(["uv", "run", "mlws", "check"], place)
    run(["uv", "run", "pre-commit", "run", "--all-files"], place)
    assert " passed" in run(["uv", "run", "pytest", "-q"], place).output
    run(["uv", "run", "mlws-new", "experiment", "first-try", "--goal", GOAL], place)
    experiment = place / "experiments/active/researcher/first-try"
    run(["uv", "run", "python", "train.py", "--config", "config.yaml"], experiment)
    assert _runs(place) == [("first-try", "FINISHED")]
    run(["uv", "run", "mlws", "check"], place)
    assert " passed" in run(["uv", "run", "pytest", "-q"], place).output
    run(["git", "add", "-A"], place)
    # The hooks run on commit: installed by the set-up, and the new experiment passes them.
    assert "Passed" in run(["git", "commit", "-m", "First try"], place).output
    # Safe to repeat.
    run(["scripts/setup-env.sh"], place)
    _commands_of_the_rules_for_assistants(place)


def _commands_of_the_rules_for_assistants(place: Path) -> None:
    """What AGENTS.md names is what there is. An agent's own tests are run where there is one."""
    [block] = _blocks(place / "AGENTS.md")
    lines = [line.partition("  #")[0].strip() for line in block.splitlines()]
    left_out = [line for line in lines if line.startswith("cd agents/production/NAME && ")]
    assert left_out == ["cd agents/production/NAME && uv run pytest"]
    words = {
        "WORDS": "small network",
        '"TITLE"': '"Small is enough"',
        "ID": "second-try",  # the experiment of the branch that the line above opened
        "NAME": "second-try",
        "…": GOAL,
    }
    said = ""
    for line in lines:
        if line not in left_out:
            for word, value in words.items():
                line = line.replace(word, value)
            said += run(["bash", "-euo", "pipefail", "-c", line], place).output
    assert "experiments/active/researcher/first-try" in said
    assert (place / "experiments/active/researcher/second-try/metadata.yaml").is_file()
    assert len(list((place / "docs/learnings").glob("*-small-is-enough.md"))) == 1


def test_the_readme_s_commands_do_what_it_says(clone: Path, tmp_path: Path) -> None:
    run(["cp", "-r", clone, tmp_path / "mlws-scaffold"], tmp_path)
    first, second = _blocks(ROOT / "README.md")[:2]
    run(["bash", "-euo", "pipefail", "-c", first], tmp_path)
    place = tmp_path / "ml-workspace"
    assert run(["git", "log", "--format=%s", "main"], place).output.count("\n") == 1
    assert "develop" in run(["git", "branch", "--list", "develop"], place).output
    run(["bash", "-euo", "pipefail", "-c", second], tmp_path)
    assert (place / "experiments/active/researcher/first-try/metadata.yaml").is_file()
