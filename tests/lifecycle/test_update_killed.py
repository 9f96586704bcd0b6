"""`mlws update` killed with SIGKILL at every step: the repository is as before, or finished."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.scaffold.update import Request, planned
from mlws_scaffold.scaffold.updates import applying, finishing, journal
from tests.support import killing, merge_lab
from tests.support.template_repo import commit, lines, whole, write

pytestmark = pytest.mark.slow

Edits = dict[str, str | bytes | None]
CLEAN: Edits = {"app.py": lines("1 ours"), "old_name.py": lines("1 to be renamed", "3 ours")}
CONFLICT: Edits = {"app.py": lines("10 ours"), "logo.bin": b"\0\1ours", "legacy.py": "ours\n"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> merge_lab.Lab:
    return merge_lab.lab(tmp_path_factory.mktemp("killed"), "foo")


def made(lab: merge_lab.Lab, folder: Path, edits: Edits) -> Path:
    """A workspace with committed edits and, elsewhere, staged and untracked work."""
    place = lab.copy(folder)
    write(place, edits)
    commit(place, "Edit")
    write(place, {"staged.txt": "staged\n", "untracked.txt": "untracked\n"})
    Git(place).run("add", "staged.txt")
    return place


def on_its_way(place: Path) -> bool:
    return journal.exists(place / ".git")


@pytest.mark.parametrize(
    ("edits", "here"),
    [(CLEAN, True), (CONFLICT, True), (CONFLICT, False)],
    ids=["clean", "conflict", "conflict-branch"],
)
def test_killed_at_every_operation_it_can_be_taken_back(
    lab: merge_lab.Lab, tmp_path: Path, edits: Edits, here: bool
) -> None:
    place = made(lab, tmp_path / "ws", edits)
    before, seen = bare(place), {"journal": 0, "nothing": 0, "done": 0}
    head = Git(place).run("rev-parse", "HEAD")

    with planned(place, Request(), lambda _: None) as plan:
        step = lambda: applying.apply(plan, here=here)  # noqa: E731
        for _ in killing.at_every_operation(step, events=killing.WITH_PROGRAMS):
            if on_its_way(place):
                seen["journal"] += 1
                finishing.abort(place)
            git = Git(place)
            finished = git.run("rev-parse", "HEAD") != head or git.ok("rev-parse", plan.branch)
            if finished and edits != CONFLICT:
                seen["done"] += 1
                assert not git.unmerged()
                undo(place, head, plan.branch)
            else:
                seen["nothing"] += 1
            journal.sweep(plan.repository)
            assert bare(place) == before

    assert seen["nothing"] > 5
    assert seen["journal"] > 3


@pytest.mark.parametrize("edits", [CLEAN, CONFLICT], ids=["clean", "conflict"])
def test_killed_at_every_operation_it_can_be_carried_on(
    lab: merge_lab.Lab, tmp_path: Path, edits: Edits
) -> None:
    kills = 0
    place = made(lab, tmp_path / "ws", edits)
    kept = shutil.copytree(place, tmp_path / "kept", symlinks=True)
    with planned(place, Request(), lambda _: None) as plan:
        step = lambda: applying.apply(plan, here=True)  # noqa: E731
        for _ in killing.at_every_operation(step, events=killing.WITH_PROGRAMS):
            if on_its_way(place):
                kills += 1
                carry_on(place)
                assert not Git(place).unmerged()
                assert "v1.1.0" in Git(place).run("show", "HEAD:.copier-answers.yml")
                assert Git(place).run("diff", "--cached", "--name-only") == "staged.txt"
                assert (place / "new_name.py").exists()
            shutil.rmtree(place)
            shutil.copytree(kept, place, symlinks=True)
    assert kills > 3


@pytest.mark.parametrize("here", [False])
def test_taking_back_may_be_killed_as_often_as_it_likes(
    lab: merge_lab.Lab, tmp_path: Path, here: bool
) -> None:
    place = made(lab, tmp_path / "ws", CONFLICT)
    before = bare(place)
    with planned(place, Request(), lambda _: None) as plan:
        applying.apply(plan, here=here)

    def back() -> None:
        if on_its_way(place):
            finishing.abort(place)

    kills = list(killing.at_every_operation(back, events=killing.WITH_PROGRAMS))
    for left in (place / ".git").glob("mlws-update.*"):
        shutil.rmtree(left)

    assert len(kills) > 10
    assert bare(place) == before


def test_killed_with_git_at_random_moments(lab: merge_lab.Lab, tmp_path: Path) -> None:
    place = made(lab, tmp_path / "ws", CONFLICT)
    before, chance = bare(place), random.Random(5)
    for _ in range(12):
        with planned(place, Request(), lambda _: None) as plan:
            in_a_group(lambda: applying.apply(plan, here=True), chance.uniform(0.01, 0.15))
        if on_its_way(place):
            finishing.abort(place, force=False)
        journal.sweep(plan.repository)
        assert bare(place) == before


def carry_on(place: Path) -> None:
    """`--continue`, with the conflicts resolved as our own where it asks for that."""
    for _ in range(2):
        try:
            finishing.resume(place)
        except MlwsError as error:
            if "not resolved yet" not in error.message:
                raise
            git = Git(place)
            write(place, {"app.py": lines("10 both")})
            git.run("add", "app.py", "logo.bin")
            continue
        return


def undo(place: Path, head: str, branch: str) -> None:
    """Back to before a finished update, for the next kill."""
    git = Git(place)
    if git.run("rev-parse", "HEAD") != head:
        git.run("read-tree", "-m", "-u", "HEAD", head)
        git.run("update-ref", "HEAD", head)
    git.attempt("branch", "-D", branch)
    git.run("add", "staged.txt")


def bare(place: Path) -> dict[str, object]:
    """Everything but stray files of a killed program, and what git remembers of inodes."""
    found = whole(place)
    found["git index"] = Git(place).run("ls-files", "--stage", "-v")
    found["git"] = [name for name in found["git"]  # type: ignore[attr-defined]
                    if not name.startswith("mlws-update.") and name != "logs"]  # fmt: skip
    return found


def in_a_group(step: Callable[[], object], seconds: float) -> None:
    """Run the step in a child and kill it together with the programs it started."""
    child = os.fork()
    if not child:
        try:
            os.setpgid(0, 0)
            step()
        finally:
            os._exit(0)
    time.sleep(seconds)
    for kill in (lambda: os.killpg(child, signal.SIGKILL), lambda: os.kill(child, signal.SIGKILL)):
        try:
            kill()
        except ProcessLookupError:
            continue
    os.waitpid(child, 0)
