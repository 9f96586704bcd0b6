"""Into the archive and back: nothing is lost, and a cut-off move is finished by a repeat."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.checks.run import run as check
from mlws_scaffold.checks.target import Scope
from mlws_scaffold.errors import InvalidFile, MlwsError
from mlws_scaffold.experiments import find
from mlws_scaffold.experiments.life import archive, editing
from mlws_scaffold.workspace.config import Workspace
from tests.support.commandline import Mlws
from tests.support.template_repo import commit, write
from tests.unit.experiments.building import again, experiment, text, workspace

OLD, NEW = "experiments/active/ann/chunking", "experiments/archive/ann/chunking"
LEARNED = 'conclusion: "Learned"   # the end\n'


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """A workspace below the top of its repository, with a finished experiment."""
    place = workspace(tmp_path / "ws")
    experiment(place, status="completed", more=LEARNED)
    return place


def index(place: Workspace) -> list[str]:
    return Git(place.root).tracked("experiments")


FILES = ["metadata.yaml", "results/summary.md", "train.py"]


def assert_archived(place: Workspace) -> None:
    entry = again(place)
    assert entry.folder == place.root / NEW
    assert entry.metadata.status == "archived"
    assert entry.metadata.archived is not None
    assert (entry.metadata.archived.came_from, entry.metadata.archived.by) == ("completed", "ann")
    assert not (place.root / OLD).exists()
    assert index(place) == [f"{NEW}/{name}" for name in FILES]
    assert Git(place.root).run("diff", "--name-only") == ""  # all of it is staged


def test_archived_files_move_and_are_staged(place: Workspace) -> None:
    moved = archive.archive(place, again(place))
    assert_archived(place)
    assert not moved.finished
    assert "# the end" in text(moved.entry)
    # What git ignores is the person's too.
    assert (place.root / NEW / "outputs/model.bin").read_text() == "weights"
    report = check(place.root, place.root, ["EXP005", "EXP009"], Scope(staged=True))
    assert [outcome.result.answer for outcome in report.outcomes] == ["yes", "yes"]


def test_back_out_of_the_archive_it_is_what_it_was(place: Workspace) -> None:
    before = text(again(place))
    archive.archive(place, again(place))
    commit(place.root, "Archive")
    archive.unarchive(place, again(place))
    entry = again(place)
    assert entry.folder == place.root / OLD
    assert text(entry) == before
    assert index(place) == [f"{OLD}/{name}" for name in FILES]
    assert Git(place.root).run("diff", "HEAD~1", "--", OLD) == ""


@pytest.mark.parametrize("status", ["planned", "in_progress", "blocked"])
def test_open_work_stays_where_it_is(place: Workspace, status: str) -> None:
    entry = experiment(place, "open", status, LEARNED)
    with pytest.raises(MlwsError, match=f"{status} cannot become archived"):
        archive.archive(place, entry)
    assert entry.folder.is_dir()


def test_without_a_conclusion_nothing_is_archived(place: Workspace) -> None:
    entry = experiment(place, "mute", "failed")
    with pytest.raises(InvalidFile, match="conclusion: missing for archived"):
        archive.archive(place, entry)
    assert text(entry) == text(again(place, "mute"))


def test_an_archive_record_that_is_missing_is_asked_for(place: Workspace) -> None:
    archive.archive(place, again(place))
    path = place.root / NEW / "metadata.yaml"
    lines = path.read_text().splitlines(keepends=True)
    cut = next(number for number, line in enumerate(lines) if line.startswith("archived:"))
    path.write_text("".join(lines[:cut]))
    with pytest.raises(MlwsError, match="does not say what the experiment was"):
        archive.unarchive(place, again(place))
    assert (place.root / NEW).is_dir()


def test_what_lies_in_the_way_is_not_overwritten(place: Workspace) -> None:
    write(place.root, {f"{NEW}/notes.txt": "mine"})
    with pytest.raises(MlwsError, match="exists already"):
        archive.archive(place, find.experiment(place, OLD, place.root))
    assert (place.root / NEW / "notes.txt").read_text() == "mine"
    assert (place.root / OLD / "train.py").exists()


def test_a_failing_git_mv_changes_nothing(place: Workspace) -> None:
    (place.root / ".git/index.lock").touch()
    before = text(again(place))
    with pytest.raises(MlwsError, match="nothing was changed") as caught:
        archive.archive(place, again(place))
    assert "index.lock" in caught.value.message
    assert text(again(place)) == before
    assert again(place).folder == place.root / OLD
    assert not (place.root / "experiments/archive").exists()
    (place.root / ".git/index.lock").unlink()
    archive.archive(place, again(place))
    assert_archived(place)


def test_files_that_git_does_not_know_are_not_moved(place: Workspace) -> None:
    write(place.root, {"experiments/active/ann/fresh/metadata.yaml": text(again(place))})
    with pytest.raises(MlwsError, match="git does not know"):
        archive.archive(place, find.experiment(place, "ann/fresh", place.root))
    assert (place.root / "experiments/active/ann/fresh").is_dir()


def test_outside_of_git_there_is_no_archive(place: Workspace) -> None:
    (place.root / ".git").rename(place.root / "elsewhere")
    with pytest.raises(MlwsError, match="no git repository"):
        archive.archive(place, again(place))


def _dies(*_: object) -> None:
    raise KeyboardInterrupt


CUTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "after the folder moved, before the index": lambda patch: patch.setattr(
        archive, "_move_in_index", _dies
    ),
    "before the file was written": lambda patch: patch.setattr(editing.Edit, "write", _dies),
}


@pytest.mark.parametrize("cut", CUTS)
def test_a_repeat_finishes_what_was_cut_off(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    with monkeypatch.context() as patch:
        CUTS[cut](patch)
        with pytest.raises(KeyboardInterrupt):
            archive.archive(place, again(place))
    moved = archive.archive(place, find.experiment(place, OLD, place.root))
    assert moved.finished
    assert_archived(place)
    commit(place.root, "Archive")
    with monkeypatch.context() as patch:
        CUTS[cut](patch)
        with pytest.raises(KeyboardInterrupt):
            archive.unarchive(place, again(place))
    assert archive.unarchive(place, again(place)).finished
    assert again(place).metadata.status == "completed"
    assert index(place) == [f"{OLD}/{name}" for name in FILES]


def test_an_index_that_did_not_follow_is_brought_in_step(place: Workspace) -> None:
    """What a kill inside of `git mv` leaves: the folder moved, the index did not."""
    (place.root / NEW).parent.mkdir(parents=True)
    (place.root / OLD).rename(place.root / NEW)
    archive.archive(place, again(place))
    assert_archived(place)


def test_a_workspace_below_the_top_of_a_repository_is_archived_too(tmp_path: Path) -> None:
    Git(tmp_path).run("init", "--quiet", "-b", "main")
    place = workspace(tmp_path / "team/ws")
    (place.root / ".git").rename(tmp_path / "old.git")
    experiment(place, status="completed", more=LEARNED)
    (place.root / NEW).parent.mkdir(parents=True)
    (place.root / OLD).rename(place.root / NEW)
    archive.archive(place, again(place))
    assert_archived(place)


KILLED = """
import os, signal, sys
from pathlib import Path
from mlws_scaffold.experiments import find
from mlws_scaffold.experiments.life import archive, editing
from mlws_scaffold.workspace.config import load
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
editing.Edit.write = die
place = load(Path(sys.argv[1]))
archive.archive(place, find.experiment(place, "chunking-v1", place.root))
"""


def test_a_killed_process_leaves_what_a_repeat_finishes(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, place.root], env=os.environ, check=False)
    assert done.returncode == -signal.SIGKILL
    ended = Mlws(place.root, monkeypatch, capsys)("experiment", "archive", OLD)
    assert (ended.code, ended.err) == (0, "")
    assert "finished what was begun earlier" in ended.out
    assert_archived(place)


def test_the_commands(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mlws = Mlws(place.root, monkeypatch, capsys)
    ended = mlws("experiment", "archive", "ann/chunking", "--researcher", "mike")
    assert ended.out == f"chunking-v1: archived, now in {NEW}\nnext: git commit\n"
    assert "by: mike" in text(again(place))
    assert mlws("experiment", "archive", "ann/chunking").code == 1
    ended = mlws("experiment", "unarchive", "ann/chunking")
    assert ended.out == f"chunking-v1: completed, now in {OLD}\nnext: git commit\n"
    assert mlws("experiment", "unarchive", "ann/chunking").code == 1
