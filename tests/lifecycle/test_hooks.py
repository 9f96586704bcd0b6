"""The hook runs once on copy, never on update, and never costs the project."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.support.installation import ROOT, TAG, UV, Installation, run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def only_copier(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """What `uvx copier` has: Copier and nothing of ours."""
    folder = tmp_path_factory.mktemp("copier") / "environment"
    run([UV, "venv", "-q", "--python", sys.executable, folder], ROOT)
    constraints = ROOT / "constraints.txt"
    run([UV, "pip", "install", "-q", "--python", folder, "-c", constraints, "copier"], ROOT)
    return Installation(folder / "bin")


def test_copier_alone_makes_a_repository_and_looks_at_the_machine(
    only_copier: Installation, clone: Path, tmp_path: Path
) -> None:
    answers = ("-d", "gpus=nvidia", "-d", "sync_models=true")
    command = ("copier", "copy", "--trust", "--defaults", *answers, clone, "ws")
    said = only_copier.run(*command, folder=tmp_path).output
    assert run(["git", "branch", "--show-current"], tmp_path / "ws").output == "develop\n"
    for step in ("git repository", "first commit", "GPUs", "Ollama"):
        assert f" {step}:" in said
    assert "->" in said  # what could not be done has a cure


def test_an_update_runs_no_hook(only_copier: Installation, clone: Path, tmp_path: Path) -> None:
    template = tmp_path / "template"
    run(["cp", "-r", clone, template], tmp_path)
    copied = only_copier.run(
        "copier", "copy", "--trust", "--defaults", template, "ws", folder=tmp_path
    )
    assert copied.output.count(" git repository:") == 1
    editor = template / "templates/workspace/.editorconfig"
    editor.write_text(editor.read_text() + "\n[*.rst]\nindent_size = 3\n")
    run(["git", "commit", "-q", "-a", "-m", "Indent"], template)
    run(["git", "tag", "v99.0.0"], template)
    place = tmp_path / "ws"
    updated = only_copier.run("copier", "update", "--trust", "--defaults", folder=place)
    assert " git repository:" not in updated.output
    assert "[*.rst]" in (place / ".editorconfig").read_text()
    assert run(["git", "log", "--oneline"], place).output.count("\n") == 1


def test_without_an_identity_everything_is_kept_and_finished_later(
    installed: Installation, clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = os.environ["GIT_CONFIG_GLOBAL"]
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    command = ("mlws-new", "workspace", "ws", "--defaults", "--origin", clone)
    said = installed.run(*command, folder=tmp_path).output
    assert "skipped  first commit" in said
    assert "user.email" in said
    place = tmp_path / "ws"
    assert (place / "mlws.toml").is_file()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", known)
    installed.run("mlws", "setup", folder=place, status=None)
    assert run(["git", "branch", "--show-current"], place).output == "develop\n"
    assert run(["git", "rev-list", "--count", "main"], place).output == "1\n"


def test_a_nested_kind_leaves_the_workspace_s_git_alone(
    only_copier: Installation, clone: Path, tmp_path: Path
) -> None:
    only_copier.run("copier", "copy", "--trust", "--defaults", clone, "ws", folder=tmp_path)
    place = tmp_path / "ws"
    head = run(["git", "rev-parse", "HEAD"], place).output
    command = ("copier", "copy", "--trust", "--defaults", "-d", "kind=agent", clone)
    only_copier.run(*command, "agents/production/assistant", folder=place)
    assert not (place / "agents/production/assistant/.git").exists()
    assert run(["git", "rev-parse", "HEAD"], place).output == head
    recorded = (place / "agents/production/assistant/.copier-answers.yml").read_text()
    assert f"_commit: {TAG}" in recorded
