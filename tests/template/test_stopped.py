"""Writing that is stopped anywhere leaves nothing: a full disk, Ctrl-C."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.scaffold import create
from mlws_scaffold.scaffold.create import Project
from mlws_scaffold.scaffold.origin import Origin
from mlws_scaffold.scaffold.render import Answers
from mlws_scaffold.workspace import config
from tests.support import template_repo
from tests.support.answer_sets import GOAL

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
STOPPED = "^$|rendering stopped|nothing can be written|was not made"
CALLS = ("write", "open", "mkdir", "fchmod", "rename")


def stop(patch: pytest.MonkeyPatch, call: str, after: int, error: BaseException) -> None:
    """Let `os.CALL` work so often, write half at the last turn, and then fail."""
    real, left = getattr(os, call), after

    def failing(*given: object, **named: object) -> object:
        nonlocal left
        if not _is_ours(call, given):
            return real(*given, **named)
        left -= 1
        if left == 0 and call == "write":
            return real(given[0], bytes(given[1])[: len(bytes(given[1])) // 2])  # type: ignore[call-overload]
        if left < 0:
            raise error
        return real(*given, **named)

    patch.setattr(os, call, failing)


def _is_ours(call: str, given: tuple[object, ...]) -> bool:
    """Whether the scratch folder is written: git is started, and folders are read, as always."""
    if call == "open":
        return ".mlws-new-" in str(given[0]) and bool(int(str(given[1])) & os.O_CREAT)
    return isinstance(given[0], int) or ".mlws-new-" in str(given[0])


@pytest.mark.parametrize("error", [FULL, KeyboardInterrupt()], ids=["full", "interrupt"])
@pytest.mark.parametrize("after", [0, 1, 4])
@pytest.mark.parametrize("call", CALLS)
def test_a_stopped_experiment_leaves_tree_and_branch_as_they_were(
    place: Path, call: str, after: int, error: BaseException
) -> None:
    before = template_repo.state(place)
    folders = sorted(place.rglob("*"))
    wish = Project("experiment", "one", Answers(GOAL), "researcher")
    with pytest.MonkeyPatch.context() as patch:
        stop(patch, call, 0 if call == "rename" else after, error)
        with pytest.raises((MlwsError, KeyboardInterrupt), match=STOPPED):
            create.project(config.load(place), wish)
    assert template_repo.state(place) == before
    assert sorted(path for path in place.rglob("*") if ".git" not in path.parts) == [
        path for path in folders if ".git" not in path.parts
    ]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stopped") / "ws"
    create.workspace(folder, Answers(), Origin("", ""))
    (folder / "experiments/active/researcher").mkdir()
    Git(folder).run("init", "--quiet")
    template_repo.commit(folder, "First commit")
    return folder


@pytest.mark.parametrize("error", [FULL, KeyboardInterrupt()], ids=["full", "interrupt"])
@pytest.mark.parametrize("call", CALLS)
def test_a_stopped_workspace_leaves_nothing(
    tmp_path: Path, call: str, error: BaseException
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        stop(patch, call, 0 if call == "rename" else 5, error)
        with pytest.raises((MlwsError, KeyboardInterrupt), match=STOPPED):
            create.workspace(tmp_path / "ws", Answers(), Origin("", ""))
    assert list(tmp_path.iterdir()) == []
