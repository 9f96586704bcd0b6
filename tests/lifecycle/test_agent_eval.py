"""A production agent is evaluated in its own environment, and its own test judges the answers."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from tests.support import tiny_workspace
from tests.support.commandline import Mlws
from tests.support.installation import UV, run
from tests.support.rendering import render
from tests.support.template_repo import commit, write

pytestmark = pytest.mark.slow
FOLDER = "agents/production/helper"


def test_a_production_agent_is_evaluated_as_it_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tiny_workspace.make(tmp_path / "ws")
    answers = {"agent_name": "helper", "agent_framework": "plain"}
    folder = render("agent", answers, root / FOLDER)
    run([UV, "sync", "--quiet"], folder)
    write(root, {".gitignore": ".mlws/\n.venv/\n__pycache__/\n.*_cache/\n"})
    Git(root).run("init", "--quiet")
    commit(root, "Start")
    monkeypatch.setenv("PATH", f"{UV.parent}{os.pathsep}{os.environ['PATH']}")
    mlws = Mlws(root, monkeypatch, capsys)
    ended = mlws("agent", "eval", "helper", "--model", "fake", "--record")
    assert ended.code == 0, ended.err
    stored = json.loads((folder / "tests/behaviour/baseline.json").read_text())
    assert (stored["fake"], stored["commit"]) == (True, Git(root).commit_of("HEAD"))
    judged = run([UV, "run", "--no-sync", "pytest", "-q", "tests/behaviour"], folder)
    assert "5 passed" in judged.output
    write(root, {f"{FOLDER}/prompts/system.md": "Be rude.\n"})
    skipped = run([UV, "run", "--no-sync", "pytest", "-q", "tests/behaviour"], folder)
    assert "5 skipped" in skipped.output
    assert "NOT JUDGED: no answer of this agent to answers with seed 1" in skipped.output
    again = mlws("agent", "eval", "helper", "--recorded")
    assert again.code == 4
    assert "answers (seed 1): out of date" in again.err
