"""The life of an experiment: legal moves only, each with what the new state promises."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import InvalidFile, MlwsError, UsageError
from mlws_scaffold.experiments import find
from mlws_scaffold.experiments.life import archive, lifecycle
from mlws_scaffold.experiments.spec import CLOSED, STATUSES
from mlws_scaffold.workspace.config import Workspace
from tests.support.commandline import Mlws
from tests.unit.experiments.building import SUMMARY, again, experiment, metadata, text, workspace

# As contracts.md has it, written out once more so that the table cannot change unseen.
LEGAL = {
    ("planned", "in_progress"),
    ("planned", "abandoned"),
    ("in_progress", "blocked"),
    ("blocked", "in_progress"),
    ("in_progress", "completed"),
    ("in_progress", "failed"),
    ("in_progress", "abandoned"),
    ("blocked", "abandoned"),
    ("completed", "archived"),
    ("failed", "archived"),
    ("abandoned", "archived"),
}


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return workspace(tmp_path / "ws")


def test_the_table_is_the_contract() -> None:
    moves = {(old, new) for old, ahead in lifecycle.MOVES.items() for new in ahead}
    assert {move for move in moves if move[0] != "archived"} == LEGAL
    assert set(lifecycle.MOVES) == set(STATUSES)


def test_what_can_follow_ends_at_the_archive() -> None:
    assert lifecycle.following("completed") == ("archived",)
    assert lifecycle.following("archived") == CLOSED
    assert lifecycle.following("planned") == tuple(
        state for state in STATUSES if state != "planned"
    )


def test_a_move_writes_the_state_and_what_comes_with_it(place: Workspace) -> None:
    entry = experiment(place)
    before = text(entry)
    made = lifecycle.move(place, entry, "completed", {"conclusion": "yes", "decision": "adopt"})
    assert (made.old, made.new) == ("in_progress", "completed")
    assert text(entry) == (
        before.replace("in_progress", "completed") + 'conclusion: "yes"\ndecision: adopt\n'
    )


def test_a_dry_run_judges_and_writes_nothing(place: Workspace) -> None:
    entry = experiment(place)
    before = text(entry)
    lifecycle.move(place, entry, "failed", {"conclusion": "No"}, dry=True)
    with pytest.raises(InvalidFile, match="conclusion: missing for failed"):
        lifecycle.move(place, entry, "failed", {}, dry=True)
    assert text(entry) == before


def test_everything_that_is_missing_is_said_at_once(place: Workspace) -> None:
    entry = experiment(place)
    path = entry.folder / "metadata.yaml"
    path.write_text(metadata("chunking").replace("hypothesis", "x_hypothesis"))
    (entry.folder / "results/summary.md").write_text(
        SUMMARY.replace("Chunks of 256.", "<!-- mlws:fill Which? -->")
    )
    with pytest.raises(InvalidFile) as caught:
        lifecycle.move(place, again(place), "completed", {})
    assert [(problem.field or problem.path) for problem in caught.value.problems] == [
        "hypothesis",
        "conclusion",
        "experiments/active/ann/chunking/results/summary.md",
    ]
    assert "in_progress" in path.read_text()


def test_the_day_of_the_last_change_is_kept_where_somebody_keeps_it(place: Workspace) -> None:
    entry = experiment(place, more="updated: 2026-01-06\n")
    made = lifecycle.move(place, entry, "blocked", {})
    assert str(made.entry.metadata.updated) > "2026-01-06"


def test_fields_can_be_written_without_a_move(place: Workspace) -> None:
    entry = experiment(place, status="planned")
    lifecycle.move(place, entry, "planned", {"hypothesis": "Large ones"})
    assert again(place).metadata.hypothesis == "Large ones"
    with pytest.raises(MlwsError, match="planned already"):
        lifecycle.move(place, again(place), "planned", {})


def test_unknown_states_and_the_archive_are_refused(place: Workspace) -> None:
    entry = experiment(place)
    with pytest.raises(UsageError) as caught:
        lifecycle.move(place, entry, "complete", {})
    assert caught.value.cure == "did you mean 'completed'?"
    with pytest.raises(UsageError) as caught:
        lifecycle.move(place, entry, "archived", {})
    assert caught.value.cure == "mlws experiment archive chunking-v1"


def test_the_command(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = experiment(place)
    mlws = Mlws(place.root, monkeypatch, capsys)
    ended = mlws("experiment", "set-status", "ann/chunking", "planned")
    assert ended.code == 1
    assert "in_progress cannot become planned" in ended.err
    assert "from in_progress: blocked, completed, failed, abandoned" in ended.err
    ended = mlws("experiment", "set-status", "chunking-v1", "blocked", "--dry-run")
    assert ended.out == "chunking-v1: in_progress -> blocked (would write status)\n"
    ended = mlws("experiment", "set-status", "chunking-v1", "blocked")
    assert ended.out == "chunking-v1: in_progress -> blocked\n"
    assert "status: blocked" in text(entry)
    assert mlws("experiment", "set-status", "chunking-v2", "blocked").code == 2


@pytest.fixture(scope="module")
def alive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace for many examples; each makes an experiment of its own."""
    with pytest.MonkeyPatch.context() as patch:
        for role in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{role}_NAME", "Ann")
            patch.setenv(f"GIT_{role}_EMAIL", "researcher@example.org")
        yield workspace(tmp_path_factory.mktemp("alive") / "ws")


@settings(max_examples=25, deadline=None)
@given(wishes=st.lists(st.sampled_from(STATUSES), max_size=8))
def test_only_legal_chains_are_walked(alive: Workspace, wishes: list[str]) -> None:
    """Whatever is asked in whatever order: the state follows the contract, and the archive gives
    back what it took."""
    name = f"e{Path(tempfile.mktemp()).name.replace('_', 'x').lower()}"
    entry = experiment(alive, name, "planned", 'conclusion: "Learned"\n')
    state, was = "planned", ""
    for wish in wishes:
        legal = (state, wish) in LEGAL or (state == "archived" and wish == was)
        try:
            if wish == "archived":
                archive.archive(alive, entry, "ann")
                was = state
            elif state == "archived":
                lifecycle.refuse_illegal(entry.metadata, wish)
                archive.unarchive(alive, entry)
            else:
                lifecycle.move(alive, entry, wish, {})
            assert legal, f"{state} -> {wish} was walked"
            state = wish
        except MlwsError:
            assert not legal, f"{state} -> {wish} was refused"
        entry = find.experiment(alive, f"{name}-v1", alive.root)
        assert entry.metadata.status == state
        half = "archive" if state == "archived" else "active"
        assert entry.folder == alive.root / f"experiments/{half}/ann/{name}"
        assert (entry.metadata.archived is not None) == (state == "archived")
    Git(alive.root).run("reset", "--hard", "--quiet")
