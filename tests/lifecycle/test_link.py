"""`mlws update --link` gives an address to a workspace that was made without one."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import yaml

from tests.support.installation import TAG, Installation, run
from tests.support.rendering import tree

pytestmark = pytest.mark.slow


@pytest.fixture
def place(installed: Installation, tmp_path: Path) -> Path:
    """A workspace without an origin, with an agent in it, all committed."""
    installed.run("mlws-new", "workspace", "ws", "--defaults", folder=tmp_path)
    installed.run("mlws-new", "agent", "helper", "--no-branch", folder=tmp_path / "ws")
    run(["git", "add", "-A"], tmp_path / "ws")
    run(["git", "commit", "-q", "-m", "Agent"], tmp_path / "ws")
    return tmp_path / "ws"


def test_a_linked_workspace_equals_one_made_with_the_address(
    installed: Installation, clone: Path, place: Path, tmp_path: Path
) -> None:
    said = installed.run("mlws", "update", "--link", clone, folder=place).output
    assert "pyproject.toml" in said
    installed.run(
        "mlws-new", "workspace", "other", "--defaults", "--origin", clone, folder=tmp_path
    )
    linked, made = (tree(folder, answers_file=True) for folder in (place, tmp_path / "other"))
    assert {name: linked[name] for name in made} == made
    nested = yaml.safe_load((place / "agents/production/helper/.copier-answers.yml").read_text())
    assert (nested["_src_path"], nested["_commit"]) == (str(clone), TAG)


def test_edits_survive_linking(installed: Installation, clone: Path, place: Path) -> None:
    project = place / "pyproject.toml"
    project.write_text(project.read_text() + "\n[tool.coverage.run]\nbranch = true\n")
    installed.run("mlws", "update", "--link", clone, folder=place)
    loaded = tomllib.loads(project.read_text())
    assert loaded["tool"]["coverage"]["run"]["branch"] is True
    assert loaded["tool"]["uv"]["sources"]["mlws-scaffold"]["tag"] == TAG


def test_linking_twice_changes_nothing(installed: Installation, clone: Path, place: Path) -> None:
    installed.run("mlws", "update", "--link", clone, folder=place)
    before = tree(place, answers_file=True)
    said = installed.run("mlws", "update", "--link", clone, folder=place).output
    assert "linked already" in said
    assert tree(place, answers_file=True) == before


def test_an_unlinked_workspace_is_told_how_to_link(installed: Installation, place: Path) -> None:
    done = installed.run("mlws", "update", folder=place, status=1)
    assert "no template is recorded" in done.output
    assert "--link" in done.output
