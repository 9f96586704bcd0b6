"""Shell completion offers commands and options, without importing what they do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"


def _complete(words: str, count: int) -> str:
    code = "from mlws_scaffold.cli.app import main; main()"
    environment = {"_MLWS_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(count)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=SOURCE,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def test_commands_are_completed_by_their_beginning() -> None:
    assert _complete("mlws st", 1).split() == ["plain,status"]


def test_options_of_a_command_are_completed() -> None:
    assert "plain,--only" in _complete("mlws update --o", 2)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script(shell: str) -> None:
    code = "from mlws_scaffold.cli.app import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=SOURCE,
        env={**os.environ, "_MLWS_COMPLETE": f"{shell}_source"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "_MLWS_COMPLETE" in done.stdout or "BASH_VERSINFO" in done.stderr
