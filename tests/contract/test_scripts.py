"""The script names that people know from elsewhere lead to a command, as soon as it exists."""

from __future__ import annotations

import re
from pathlib import Path

import click

from mlws_scaffold.cli.app import app
from mlws_scaffold.cli.new import new

SCRIPTS = Path(__file__).parents[2] / "templates/workspace/scripts"

# Script -> the command that stands for it.
KNOWN = {
    "setup-env.sh": "mlws setup",
    "sync-ollama.sh": "mlws model sync",
    "deploy-agent.sh": "mlws agent deploy",
    "promote-model.sh": "mlws model promote",
    "benchmark-model.py": "mlws model benchmark",
    "validate-production-ready.py": "mlws model promote",
    "update-registry.py": "mlws-new model",
    "generate-experiment-dashboard.py": "mlws report dashboard",
    "init-mlflow.py": "mlws setup",
    "query-mlflow.py": "mlws experiment runs",
    "validate-experiment-metadata.py": "mlws check",
    "check-experiment-docs.py": "mlws check",
    "smoke-test-prod.py": "mlws agent smoke",
    "generate-standup.py": "mlws report standup",
    "weekly-review.py": "mlws report weekly",
    "check-gpu-usage.sh": "mlws gpu status",
    "reserve-gpu.py": "mlws gpu reserve",
    "track-compute-costs.py": "mlws report cost",
}
SHIMS = {"setup-env.sh", "sync-ollama.sh", "deploy-agent.sh"}


def _exists(words: str) -> bool:
    program, *rest = words.split()
    command: click.Command | None = new if program == "mlws-new" else app
    for word in rest:
        if not isinstance(command, click.Group):
            return False
        command = command.get_command(click.Context(command), word)
    return command is not None


def test_the_table_has_a_row_exactly_for_each_command_that_exists() -> None:
    table = (SCRIPTS / "README.md").read_text()
    rows = dict(re.findall(r"^\| `([\w.-]+)` \| (.*) \|$", table, re.MULTILINE))
    assert set(rows) == {script for script, command in KNOWN.items() if _exists(command)}
    for script, row in rows.items():
        assert KNOWN[script] in row


def test_a_shim_is_there_exactly_when_its_command_exists() -> None:
    present = {path.name for path in SCRIPTS.iterdir()} - {"README.md"}
    assert present == {script for script in SHIMS if _exists(KNOWN[script])}


def test_a_shim_is_short() -> None:
    """setup-env.sh is no shim: it must work before anything of ours is installed."""
    for name in SHIMS - {"setup-env.sh"}:
        path = SCRIPTS / name
        assert not path.exists() or path.read_text().count("\n") <= 25
