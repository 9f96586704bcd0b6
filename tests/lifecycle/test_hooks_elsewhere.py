"""`.pre-commit-hooks.yaml` in a repository that was not made by us, through real pre-commit."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.installation import TAG, run

pytestmark = pytest.mark.slow

PRE_COMMIT = Path(sys.executable).with_name("pre-commit")
METADATA = """\
experiment_id: other-1
researcher: ann
created: 2026-01-01
status: {status}
goal: "Find out a thing or two"
"""


def test_the_hooks_judge_experiments_models_agents_and_branches(
    clone: Path, tmp_path: Path
) -> None:
    place = tmp_path / "other"
    experiment = place / "experiments/active/ann/one"
    experiment.mkdir(parents=True)
    (experiment / "README.md").write_text(
        "# One\n\n## Goal\n\nA goal.\n\n## How to run\n\npython train.py\n"
    )
    (experiment / "metadata.yaml").write_text(METADATA.format(status="planned"))
    ids = ("experiments", "models", "agents", "branch")
    hooks = "".join(f"      - id: mlws-check-{name}\n" for name in ids)
    (place / ".pre-commit-config.yaml").write_text(
        f"repos:\n  - repo: {clone}\n    rev: {TAG}\n    hooks:\n{hooks}"
    )
    run(["git", "init", "-q", "-b", "main"], place)
    run(["git", "add", "-A"], place)
    run(["git", "commit", "-q", "-m", "First"], place)
    home = {"PRE_COMMIT_HOME": str(tmp_path / "pre-commit")}
    run([PRE_COMMIT, "run", "--all-files"], place, home)
    run([PRE_COMMIT, "run", "--all-files", "--hook-stage", "pre-push"], place, home)

    (experiment / "metadata.yaml").write_text(METADATA.format(status="running"))
    refused = run([PRE_COMMIT, "run", "--all-files"], place, home, status=1).output
    assert "experiments/active/ann/one/metadata.yaml:4:1: status: unknown value" in refused
    run(["git", "switch", "-q", "-c", "my_stuff"], place)
    refused = run(
        [PRE_COMMIT, "run", "--all-files", "--hook-stage", "pre-push"], place, home, 1
    ).output
    assert "my_stuff" in refused
