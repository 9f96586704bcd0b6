"""Where `mlws update` reads the template, which version it goes to, and what it refuses."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mlws_scaffold
from mlws_scaffold.adapters.git import Git
from tests.support import template_repo
from tests.support.commandline import Mlws
from tests.support.template_repo import TemplateRepo, commit, lines, state, write

pytestmark = pytest.mark.slow

ADDRESS = "https://git.example.org/team/template.git"
ANSWERS = ".copier-answers.yml"
FOO = "agents/production/foo"
W = "templates/workspace"


def record(place: Path, old: str, new: str) -> None:
    """Change the recorded origin or version by hand, as the messages ask for."""
    path = place / ANSWERS
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    commit(place, "Record")


def test_a_local_clone_stands_in_for_the_recorded_address(
    template: TemplateRepo, place: Path, mlws: Mlws, tmp_path: Path
) -> None:
    template.release("v1.1.0", {f"{W}/where.txt.jinja": "from {{ _src_path }}\n"})
    record(place, str(template.folder), ADDRESS)
    Git(tmp_path).run("clone", "--quiet", str(template.folder), "mirror")

    unreachable = mlws("update", "--here")
    ended = mlws("update", "--here", "--origin", str(tmp_path / "mirror"))

    assert unreachable.code == 4
    assert "--origin" in unreachable.err
    assert ended.code == 0, ended.err
    assert f"_src_path: {ADDRESS}\n" in (place / ANSWERS).read_text()
    assert (place / "where.txt").read_text() == f"from {ADDRESS}\n"


def test_a_clone_stands_in_for_a_recorded_path_of_another_machine(
    template: TemplateRepo, place: Path, mlws: Mlws
) -> None:
    recorded = str(template.folder)
    template.release("v1.1.0", {f"{W}/where.txt.jinja": "from {{ _src_path }}\n"})
    moved = template.folder.rename(template.folder.with_name("moved"))

    lost = mlws("update", "--here")
    ended = mlws("update", "--here", "--origin", os.path.relpath(moved, place))

    assert lost.code == 4
    assert ended.code == 0, ended.err
    assert f"_src_path: {recorded}\n" in (place / ANSWERS).read_text()
    assert (place / "where.txt").read_text() == f"from {recorded}\n"
    assert not Git(place).changed()


def test_a_missing_origin_or_version_is_explained(
    template: TemplateRepo, place: Path, mlws: Mlws
) -> None:
    template.release("v1.1.0", {f"{W}/rules.txt": lines("10 new rule")})
    record(place, f"_src_path: {template.folder}", "_src_path: ''")
    before = state(place)

    refused = mlws("update", "--here")
    assert refused.code == 1
    assert f"{ANSWERS}: _src_path: no template is recorded" in refused.err
    assert "--link" in refused.err
    assert state(place) == before

    record(place, "_src_path: ''", "_src_path: ../template")
    assert "_src_path: ../template is found from one folder only" in mlws("update", "--here").err
    record(place, "_src_path: ../template", "_src_path: ''")

    ended = mlws("update", "--here", "--origin", str(template.folder))
    assert ended.code == 0, ended.err
    assert f"_src_path: {template.folder}\n" in (place / ANSWERS).read_text()

    record(place, "_commit: v1.1.0", "_commit:")
    refused = mlws("update", "--here")
    assert refused.code == 1
    assert f"{ANSWERS}: _commit: no version is recorded" in refused.err


def test_a_recorded_version_the_template_does_not_know_is_refused(
    template: TemplateRepo, place: Path, mlws: Mlws
) -> None:
    template.release("v1.1.0", {f"{W}/rules.txt": lines("10 new rule")})
    record(place, "_commit: v1.0.0", "_commit: v0.9.9")

    ended = mlws("update", "--here")

    assert ended.code == 1
    assert f"{ANSWERS}: _commit: the template has no version v0.9.9" in ended.err


def test_the_newest_final_release_is_the_goal_and_older_ones_are_refused(
    template: TemplateRepo, place: Path, mlws: Mlws
) -> None:
    template.release("v1.9.0", {f"{W}/rules.txt": lines("1 nine")})
    template.release("v1.10.0", {f"{W}/rules.txt": lines("1 ten")})
    template.release("v2.0.0rc1", {f"{W}/rules.txt": lines("1 two")})
    template.release("nightly", {f"{W}/rules.txt": lines("1 night")})

    assert mlws("update", "--here", "--to", "1.9.0").code == 0
    assert (place / "rules.txt").read_text() == lines("1 nine")
    assert mlws("update", "--here").code == 0
    assert (place / "rules.txt").read_text() == lines("1 ten")
    before = state(place)

    older = mlws("update", "--to", "v1.9.0")
    unknown = mlws("update", "--to", "v1.11.0")
    nothing = mlws("update", "--here")

    assert older.code == 1
    assert "workspace is at v1.10.0, which is newer than v1.9.0" in older.err
    assert unknown.code == 1
    assert "has no version v1.11.0" in unknown.err
    assert "did you mean 'v1.10.0'?" in unknown.err
    assert nothing.out == "up to date: v1.10.0\n"
    assert state(place) == before


def test_a_commit_between_releases_is_compared_by_history(
    template: TemplateRepo, tmp_path: Path, mlws: Mlws, place: Path
) -> None:
    write(template.folder, {f"{W}/rules.txt": lines("1 later")})
    later = commit(template.folder, "Later")
    record(place, "_commit: v1.0.0", f"_commit: {later}")

    assert mlws("update", "--here").out == f"up to date: {later}\n"
    refused = mlws("update", "--to", "v1.0.0")
    assert refused.code == 1
    assert "newer than v1.0.0" in refused.err

    template.release("v1.1.0", {f"{W}/rules.txt": lines("1 later", "10 new rule")})
    ended = mlws("update", "--here")
    assert ended.code == 0, ended.err
    assert "_commit: v1.1.0" in (place / ANSWERS).read_text()


def test_a_folder_that_git_does_not_keep_is_refused(
    template: TemplateRepo, place: Path, mlws: Mlws
) -> None:
    template_repo.copy(str(template.folder), place / "ignored/foo", "v1.0.0", kind="agent")
    template_repo.copy(str(template.folder), place / FOO, "v1.0.0", kind="agent")
    template.release("v1.1.0", {f"{W}/rules.txt": lines("10 new rule")})

    new = mlws("update", "--only", FOO)
    nowhere = mlws("update", "--only", "agents/nowhere")
    Git(place).run("add", "--force", f"ignored/foo/{ANSWERS}")
    ignored = mlws("update", "--only", "ignored/foo")

    assert (new.code, nowhere.code, ignored.code) == (1, 2, 1)
    assert f"{FOO} is not committed" in new.err
    assert "agents/nowhere is no project" in nowhere.err
    assert f"ignored/foo/{ANSWERS}: is ignored by git" in ignored.err


def test_without_git_or_a_commit_nothing_can_be_updated(
    place: Path, mlws: Mlws, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(place / ".git")
    assert "is in no git repository" in mlws("update", "--here").err
    Git(place).run("init", "--quiet")
    assert "nothing is committed yet" in mlws("update", "--here").err
    monkeypatch.setenv("GIT_DIR", str(place / ".git"))
    assert "GIT_DIR is set" in mlws("update", "--here").err


def test_a_workspace_inside_a_larger_repository_is_updated_alone(
    template: TemplateRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    place = tmp_path / "mono/ml"
    template_repo.copy(str(template.folder), place, "v1.0.0")
    template_repo.copy(str(template.folder), place / FOO, "v1.0.0", kind="agent")
    write(place, {f"{FOO}/agent.txt": lines("10 mine")})
    Git(place.parent).run("init", "--quiet")
    commit(place.parent, "First")
    write(place.parent, {"elsewhere.txt": "unsaved\n"})
    template.release("v1.1.0", {"templates/agent/agent.txt": lines("10 new agent")})

    ended = Mlws(place, monkeypatch, capsys)("update", "--here")

    assert ended.code == 1
    assert f"  {FOO}/agent.txt" in ended.err
    assert Git(place.parent).unmerged() == [f"ml/{FOO}/agent.txt"]
    assert "mine" in (place / FOO / "agent.txt").read_text()
    assert (place.parent / "elsewhere.txt").read_text() == "unsaved\n"


def test_being_up_to_date_costs_no_copier(template: TemplateRepo, place: Path) -> None:
    write(place, {"unsaved.txt": "no obstacle\n"})
    code = (
        "import sys; from mlws_scaffold.cli import app; sys.argv = ['mlws', 'update'];\n"
        "status = app.app.main(standalone_mode=False)\n"
        "sys.exit(status or sum(name in sys.modules for name in ('copier', 'pydantic', 'rich')))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(Path(mlws_scaffold.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, "up to date: v1.0.0\n"), done.stderr


def test_plain_copier_updates_the_same_files(template: TemplateRepo, tmp_path: Path) -> None:
    place = template_repo.workspace(template, tmp_path / "with-agent", "foo")
    write(place, {"rules.txt": lines("1 ours"), f"{FOO}/agent.txt": lines("1 ours")})
    commit(place, "Edit")
    changes: dict[str, str | bytes | None] = {
        f"{W}/rules.txt": lines("10 new rule"),
        "templates/agent/agent.txt": lines("10 new agent"),
    }
    template.release("v1.1.0", changes)

    for folder in (FOO, "."):
        command = [sys.executable, "-m", "copier", "update", "--trust", "--defaults", "-q", folder]
        subprocess.run(command, cwd=place, check=True, capture_output=True)
        commit(place, f"Update {folder}")

    assert (place / "rules.txt").read_text() == lines("1 ours", "10 new rule")
    assert (place / FOO / "agent.txt").read_text() == lines("1 ours", "10 new agent")
    assert "_commit: v1.1.0" in (place / FOO / ANSWERS).read_text()


def test_the_real_template_updates_a_workspace_with_a_nested_agent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real, place = template_repo.from_checkout(tmp_path / "real", "v0.1.0"), tmp_path / "real-ws"
    template_repo.copy(str(real.folder), place, "v0.1.0")
    template_repo.copy(str(real.folder), place / FOO, "v0.1.0", kind="agent")
    project = place / "pyproject.toml"
    project.write_text(project.read_text().replace("[tool.ruff]\n", "[tool.ours]\n\n[tool.ruff]\n"))
    (place / "README.md").write_text("# Ours\n")
    commit(place, "Edit")
    old = (real.folder / f"{W}/pyproject.toml.jinja").read_text()
    new = old.replace("[project]\n", "# From v0.2.0\n[project]\n")
    real.release("v0.2.0", {f"{W}/pyproject.toml.jinja": new, f"{W}/README.md.jinja": "# Theirs\n"})

    ended = Mlws(place, monkeypatch, capsys)("update", "--here")

    assert ended.code == 0, ended.err
    assert "merged with your edits: pyproject.toml" in ended.out
    assert "# From v0.2.0\n[project]" in project.read_text()
    assert "[tool.ours]\n\n[tool.ruff]" in project.read_text()
    assert (place / "README.md").read_text() == "# Ours\n"
    for folder in (".", FOO):
        assert "_commit: v0.2.0" in (place / folder / ANSWERS).read_text()
    assert Git(place).branch() == "develop"
    assert not Git(place).changed()
