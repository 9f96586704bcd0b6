"""`mlws adopt`, and the nearest version for what records none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from tests.support import merge_lab, template_repo
from tests.support.commandline import Mlws
from tests.support.template_repo import commit, lines, state, write

pytestmark = pytest.mark.slow


@pytest.fixture
def template(tmp_path: Path) -> template_repo.TemplateRepo:
    return merge_lab.template(tmp_path / "template")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A repository that the template did not make, with a file that looks like one of its."""
    place = tmp_path / "ours"
    place.mkdir()
    Git(place).run("init", "--quiet")
    write(place, {"app.py": lines("1 ours"), "own.txt": "own\n", "seed.md": "our seed\n"})
    commit(place, "First")
    return place


@pytest.fixture
def mlws(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mlws:
    return Mlws(place, monkeypatch, capsys)


def test_a_repository_of_our_own_is_adopted_with_its_edits(
    template: template_repo.TemplateRepo, place: Path, mlws: Mlws
) -> None:
    before = state(place)
    origin = ("--origin", str(template.folder))

    looked = mlws("adopt", ".", "--kind", "workspace", *origin, "--diff")
    assert looked.code == 0, looked.err
    assert "merged with your edits: app.py" in looked.out
    assert state(place) == before

    ended = mlws("adopt", ".", "--kind", "workspace", *origin, "--here", "-d", "title=Ours")

    assert ended.code == 0, ended.err
    assert (place / "app.py").read_text() == lines("1 ours", "10 template")
    assert (place / "own.txt").read_text() == "own\n"
    assert (place / "seed.md").read_text() == "our seed\n"
    assert (place / "named.txt").read_text() == "Ours\n"
    assert (place / "new_name.py").exists()
    assert "_commit: v1.1.0" in (place / ".copier-answers.yml").read_text()
    assert not Git(place).changed()
    assert mlws("update").out == "up to date: v1.1.0\n"
    assert "is a project already" in mlws("adopt", ".", *origin).err


def test_a_file_that_both_have_and_that_differs_is_a_conflict(
    template: template_repo.TemplateRepo, place: Path, mlws: Mlws
) -> None:
    write(place, {"run.sh": "echo entirely other\n"})
    commit(place, "Other")
    before = template_repo.whole(place)

    ended = mlws("adopt", ".", "--kind", "workspace", "--origin", str(template.folder), "--json")

    document = json.loads(ended.out)
    assert (ended.code, document["state"], document["near"]) == (1, "conflicts", "v1.0.0")
    assert Git(place).unmerged() == ["run.sh"]
    assert mlws("update", "--abort").code == 0
    assert template_repo.whole(place) == before


def test_a_folder_of_a_workspace_becomes_a_project(
    template: template_repo.TemplateRepo, tmp_path: Path, mlws: Mlws
) -> None:
    workspace = template_repo.workspace(template, tmp_path / "ws")
    write(workspace, {"agents/production/foo/app.py": lines("3 mine")})
    commit(workspace, "By hand")
    folder = workspace / "agents/production/foo"

    ended = mlws(
        "adopt", str(folder), "--kind", "agent", "--origin", str(template.folder), "--here"
    )

    assert ended.code == 0, ended.err
    assert (folder / "app.py").read_text() == lines("3 mine", "10 template")
    assert "kind: agent" in (folder / ".copier-answers.yml").read_text()
    assert "_commit: v1.0.0" in (workspace / ".copier-answers.yml").read_text()


@pytest.mark.parametrize("recorded", ["_commit:", "_commit: v0.9.9"])
def test_link_finds_the_nearest_version_for_a_missing_or_unknown_one(
    template: template_repo.TemplateRepo, tmp_path: Path, mlws: Mlws, recorded: str
) -> None:
    workspace = template_repo.workspace(template, tmp_path / "ws")
    answers = workspace / ".copier-answers.yml"
    answers.write_text(answers.read_text().replace("_commit: v1.0.0", recorded))
    write(workspace, {"app.py": lines("1 ours")})
    commit(workspace, "Lost")
    inside = Mlws(workspace, mlws.monkeypatch, mlws.capsys)

    refused = inside("update")
    linked = inside("update", "--link", str(template.folder))

    assert refused.code == 1
    assert "--link" in refused.err
    assert linked.code == 0, linked.err
    assert "_commit: v1.0.0" in answers.read_text()
