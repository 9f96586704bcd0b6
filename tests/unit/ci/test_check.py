"""The rules in a workflow's summary, and the tests of the experiments that changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from tests.support import tiny_workspace
from tests.support.commandline import Mlws
from tests.support.installation import UV
from tests.support.template_repo import commit, write

ANN = "experiments/active/ann/first"
BOB = "experiments/active/bob/own"
PROJECT = """\
[project]
name = "own"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = []
"""


@pytest.fixture
def mlws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Mlws:
    root = tiny_workspace.make(tmp_path / "ws")
    write(root, {f"{ANN}/test_it.py": "def test_it() -> None:\n    assert True\n"})
    Git(root).run("init", "--quiet", "--initial-branch", "main")
    commit(root, "Start")
    return Mlws(root, monkeypatch, capsys)


def test_findings_stand_on_the_diff_and_in_the_summary(
    mlws: Mlws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    write(mlws.folder, {f"{ANN}/metadata.yaml": "experiment_id: <b>|`x`\n"})
    ended = mlws("ci", "check")
    assert ended.code == 1
    assert f"::error file={ANN}/metadata.yaml" in ended.out
    text = summary.read_text()
    assert text.startswith("### Rules of the workspace")
    row = next(line for line in text.splitlines() if "experiment_id" in line and "EXP" in line)
    assert row.count("|") == 4
    assert "<b>" not in text


def test_the_summary_is_added_to_what_other_steps_wrote(
    mlws: Mlws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    mlws("ci", "check")
    assert summary.read_text().startswith("before\n### Rules")


def test_only_the_experiments_that_changed_are_tested(mlws: Mlws) -> None:
    ended = mlws("ci", "test-experiments", "--base", "main")
    assert (ended.code, ended.out) == (0, "no experiments changed\n")
    ended = mlws("ci", "test-experiments", "--base", "")
    assert ended.code == 0
    assert f"{ANN}: passed" in ended.out


def test_a_failing_test_fails_and_one_without_tests_does_not(mlws: Mlws) -> None:
    write(mlws.folder, {"experiments/active/ann/bare/train.py": ""})
    ended = mlws("ci", "test-experiments", "--base", "main")
    assert (ended.code, ended.out) == (0, "experiments/active/ann/bare: no tests were found\n")
    write(mlws.folder, {f"{ANN}/test_it.py": "def test_it() -> None:\n    assert False\n"})
    ended = mlws("ci", "test-experiments", "--base", "main")
    assert ended.code == 1
    assert f"{ANN}: failed" in ended.out


def test_an_isolated_experiment_without_its_lock_fails(
    mlws: Mlws, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(mlws.folder, {f"{BOB}/pyproject.toml": PROJECT})
    monkeypatch.setenv("PATH", f"{UV.parent}:/usr/bin:/bin")
    ended = mlws("ci", "test-experiments", "--base", "main")
    assert ended.code == 1
    assert f"{BOB}: failed" in ended.out
