"""The set-up steps: what they do, what they leave alone, and that none of them ever raises."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from mlws_scaffold.adapters import mlflow
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.scaffold import setup
from mlws_scaffold.scaffold.setup import StepReport
from mlws_scaffold.workspace.config import load
from tests.support import tiny_workspace
from tests.support.fake_ollama import FakeOllama, running

NO_GPUS = {"gpus": "none"}
HOOKS = "repos: []\ndefault_install_hook_types: [pre-commit, pre-push]\n"
OLD_SCHEMA, UNKNOWN_SCHEMA = "451aebb31d03", "ffffffffffff"


def _generated(root: Path, **answers: object) -> dict[str, StepReport]:
    reports = setup.after_generation(root, "workspace", {**NO_GPUS, **answers})
    return {report.name: report for report in reports}


def _again(root: Path) -> dict[str, StepReport]:
    return {report.name: report for report in setup.again(load(root))}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tiny_workspace.make(tmp_path / "ws")


@pytest.fixture
def no_identity(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none.gitconfig"))


def test_a_fresh_workspace_gets_its_first_commit_on_main_and_ends_on_develop(root: Path) -> None:
    reports = _generated(root)
    git = Git(root)
    assert reports["git repository"].state == reports["first commit"].state == "done"
    assert git.run("log", "--format=%s", "main") == "Start the workspace"
    assert git.branch() == "develop"
    assert git.commit_of("develop") == git.commit_of("main")
    assert git.changed() == []


def test_the_branches_are_those_of_the_configuration(tmp_path: Path) -> None:
    names = 'default_branch = "trunk"\nintegration_branch = "next"\n'
    root = tiny_workspace.make(tmp_path / "ws", config=names)
    _generated(root)
    assert Git(root).run("branch", "--format=%(refname:short)").split() == ["next", "trunk"]


def test_running_it_again_changes_nothing(root: Path) -> None:
    _generated(root)
    before = Git(root).run("for-each-ref"), Git(root).branch()
    (root / "notes.txt").write_text("mine")
    assert _again(root)["first commit"].state == "done"
    assert (Git(root).run("for-each-ref"), Git(root).branch()) == before
    assert Git(root).changed() == ["notes.txt"]


@pytest.mark.usefixtures("no_identity")
def test_without_an_identity_nothing_is_lost_and_the_cure_can_be_pasted(root: Path) -> None:
    report = _generated(root)["first commit"]
    assert report.state == "skipped"
    assert "models/registry.yaml" in Git(root).changed()
    cure = report.cure.replace("'YOUR NAME'", "Ann").replace("ADDRESS", "ann@example.org")
    subprocess.run(cure, shell=True, cwd=root, check=True, capture_output=True)
    assert Git(root).branch() == "develop"
    assert Git(root).commit_of("main")


@pytest.mark.usefixtures("no_identity")
def test_without_an_identity_a_repository_with_commits_is_fine(root: Path) -> None:
    environment = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@b.org"}
    both = environment | {
        key.replace("AUTHOR", "COMMITTER"): value for key, value in environment.items()
    }
    Git(root).run("init", "--quiet")
    command = ["git", "commit", "--quiet", "--allow-empty", "-m", "old"]
    subprocess.run(command, cwd=root, env={**os.environ, **both}, check=True)
    assert _again(root)["first commit"].state == "done"


def test_a_branch_that_an_interruption_left_out_is_made_later(root: Path) -> None:
    _generated(root)
    git = Git(root)
    git.run("switch", "--quiet", "main")
    git.run("branch", "--quiet", "-D", "develop")
    _again(root)
    assert git.branch() == "main"
    assert git.commit_of("develop")


def test_a_clone_gets_no_branch_of_its_own(root: Path, tmp_path: Path) -> None:
    _generated(root)
    Git(tmp_path).run("clone", "--quiet", "--branch", "main", str(root), "clone")
    _again(tmp_path / "clone")
    assert Git(tmp_path / "clone").run("branch", "--format=%(refname:short)") == "main"


def test_inside_another_repository_nothing_is_committed_or_installed(tmp_path: Path) -> None:
    Git(tmp_path).run("init", "--quiet")
    root = tiny_workspace.make(tmp_path / "ws")
    (root / ".pre-commit-config.yaml").write_text(HOOKS)
    reports = _generated(root)
    assert reports["first commit"].state == reports["pre-commit"].state == "skipped"
    assert Git(tmp_path).commit_of("HEAD") is None
    assert not (root / ".git").exists()
    assert not (tmp_path / ".git/hooks/pre-commit").exists()


def test_git_that_is_pointed_elsewhere_is_not_used(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Git(tmp_path).run("init", "--quiet", "other")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other/.git"))
    reports = _generated(root)
    assert "GIT_DIR" in reports["git repository"].detail
    assert reports["first commit"].state == "skipped"
    assert Git(tmp_path / "other").commit_of("HEAD") is None


def test_without_git_the_other_steps_still_run(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    reports = _generated(root)
    assert reports["git repository"].state == "failed"
    assert "install git" in reports["git repository"].cure
    assert reports["first commit"].state == reports["pre-commit"].state == "skipped"
    assert [name for name, _ in setup.STEPS] == list(reports)


def test_hooks_are_installed_at_the_top_level(root: Path) -> None:
    (root / ".pre-commit-config.yaml").write_text(HOOKS)
    assert _generated(root)["pre-commit"].state == "done"
    assert (root / ".git/hooks/pre-push").is_file()
    assert "pre-commit" in (root / ".git/hooks/pre-commit").read_text()


def test_a_hooks_path_elsewhere_is_a_failure_with_a_cure(root: Path) -> None:
    (root / ".pre-commit-config.yaml").write_text(HOOKS)
    _generated(root)
    Git(root).run("config", "core.hooksPath", "/elsewhere")
    report = _again(root)["pre-commit"]
    assert report.state == "failed"
    assert "core.hooksPath" in report.cure


def test_large_files_through_lfs_are_set_up_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tiny_workspace.make(tmp_path / "ws", config='[data]\nanswer = "lfs"\n')
    if shutil.which("git-lfs") is None:
        assert _generated(root)["large files"].state == "failed"
    # Does what matters of git-lfs, and refuses a second installation as the real one does.
    tool = tmp_path / "bin/git-lfs"
    tool.parent.mkdir()
    tool.write_text(
        '#!/bin/sh\ncase "$1" in version) echo git-lfs/3.0 ;;\n'
        "install) git config --local --get filter.lfs.process && exit 2\n"
        '  git config --local filter.lfs.process "git-lfs filter-process" ;;\nesac\n'
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")
    for _ in range(2):
        assert _again(root)["large files"].state == "done"


def test_a_nested_kind_touches_neither_git_nor_hooks(root: Path) -> None:
    told: list[StepReport] = []
    reports = setup.after_generation(root, "experiment", {}, told.append)
    assert [(report.name, report.state) for report in reports] == [
        ("git repository", "skipped"),
        ("pre-commit", "skipped"),
    ]
    assert told == list(reports)
    assert not (root / ".git").exists()


def test_a_broken_configuration_is_reported_and_nothing_else_is_done(root: Path) -> None:
    (root / "mlws.toml").write_text("[workspace\n")
    assert [report.state for report in setup.after_generation(root, "workspace", {})] == ["failed"]
    assert not (root / ".git").exists()


def test_no_ollama_is_skipped_with_what_to_do_later(root: Path) -> None:
    report = _generated(root, sync_models=True)["Ollama"]
    assert report.state == "skipped"
    assert "mlws model sync" in report.cure


@pytest.mark.parametrize("instead", ["html", "garbage", "list"])
def test_garbage_instead_of_ollama_is_skipped_and_named(
    root: Path, instead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(FakeOllama(instead=instead)) as fake:  # type: ignore[arg-type]
        monkeypatch.setenv("OLLAMA_HOST", fake.url)
        report = _generated(root, sync_models=True)["Ollama"]
    assert report.state == "skipped"
    assert "no Ollama server" in report.detail


def test_missing_models_are_named_and_pulled_only_when_the_answers_say_so(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(FakeOllama(offered={"m:1"})) as fake:
        monkeypatch.setenv("OLLAMA_HOST", fake.url)
        named = _generated(root)["Ollama"]
        assert (named.state, named.cure) == ("done", "mlws model sync base")
        assert fake.models == {}
        assert "all 1 models" in _generated(root, sync_models=True)["Ollama"].detail
        assert list(fake.models) == ["m:1", "base:latest"]
        assert not (root / "models/models.lock").exists()


def test_a_failed_pull_is_a_failed_step(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(FakeOllama()) as fake:
        monkeypatch.setenv("OLLAMA_HOST", fake.url)
        report = _generated(root, sync_models=True)["Ollama"]
    assert report.state == "failed"
    assert "file does not exist" in report.detail


def test_the_lock_is_made_by_a_later_setup_only(root: Path) -> None:
    if shutil.which("uv") is None:
        pytest.skip("uv is not installed")
    (root / "pyproject.toml").write_text(
        '[project]\nname = "tiny"\nversion = "1"\nrequires-python = ">=3.11"\n'
    )
    assert _generated(root)["uv.lock"].state == "skipped"
    assert _again(root)["uv.lock"].state == "done"
    assert 'name = "tiny"' in (root / "uv.lock").read_text()


def _store(path: Path, schema: str) -> None:
    with sqlite3.connect(path) as database:
        database.execute("create table alembic_version (version_num text)")
        database.execute("insert into alembic_version values (?)", (schema,))
    database.close()


def test_a_tracking_store_is_judged_without_importing_mlflow(tmp_path: Path) -> None:
    pytest.importorskip("alembic")
    _store(tmp_path / "old.db", OLD_SCHEMA)
    _store(tmp_path / "new.db", UNKNOWN_SCHEMA)
    (tmp_path / "text.db").write_text("not a database, but long enough to look into " * 20)
    (tmp_path / "empty.db").touch()
    sqlite3.connect(tmp_path / "other.db").execute("create table mine (a)").connection.close()
    found = {
        name: mlflow.look(f"sqlite:///{name}.db", tmp_path).state
        for name in ("old", "new", "text", "empty", "other", "absent")
    }
    assert found == {
        "old": "outdated",
        "new": "newer",
        "text": "unreadable",
        "empty": "absent",
        "other": "unreadable",
        "absent": "absent",
    }


@pytest.mark.slow
def test_the_tracking_store_is_made_then_kept_and_an_old_one_is_migrated(tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy")
    root = tiny_workspace.make(tmp_path / "ws", tracking="")
    assert setup.after_generation(root, "workspace", NO_GPUS)[5].state == "skipped"
    assert _again(root)["tracking store"].state == "done"
    assert mlflow.look("sqlite:///mlflow.db", root).state == "ready"
    made = (root / "mlflow.db").stat().st_mtime_ns
    assert "ready" in _again(root)["tracking store"].detail
    assert (root / "mlflow.db").stat().st_mtime_ns == made

    from mlflow.store.tracking.dbmodels.initial_models import Base
    from sqlalchemy import create_engine

    engine = create_engine(f"sqlite:///{root / 'first.db'}")
    Base.metadata.create_all(engine)
    engine.dispose()
    sqlite3.connect(root / "first.db").execute(
        "create table alembic_version (version_num varchar(32) not null)"
    ).connection.close()
    assert mlflow.look("sqlite:///first.db", root).state == "outdated"
    assert "first.db.before-migration" in mlflow.prepare("sqlite:///first.db", root)
    assert mlflow.look("sqlite:///first.db", root).state == "ready"
    assert mlflow.look("sqlite:///first.db.before-migration", root).state == "outdated"
