"""`mlws knowledge sync`: the generated parts follow from the files, and from nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlws_scaffold.scaffold.knowledge import indexes, memory
from mlws_scaffold.workspace.config import Workspace
from tests.support.commandline import Mlws
from tests.support.rendering import render
from tests.support.template_repo import write
from tests.unit.experiments.building import experiment

DONE = "results: {metric: exact_match, best_metric: 0.75}\nconclusion: Small [chunks] win\n"


def part(place: Workspace) -> str:
    begin, end = indexes.marks("progress")
    return (place.root / memory.PROGRESS).read_text().split(begin)[1].split(end)[0].strip()


def test_progress_says_what_experiments_say_of_themselves(place: Workspace, mlws: Mlws) -> None:
    write(place.root, {memory.PROGRESS: "# Progress\n\nWe moved the store.\n"})
    experiment(place, "going")
    experiment(place, "done", "completed", f"{DONE}decision: adopt\n")
    experiment(place, "wished", "planned")
    ended = mlws("knowledge", "sync")
    assert ended.code == 0
    assert (place.root / memory.PROGRESS).read_text().startswith("# Progress\n\nWe moved the store")
    assert part(place) == (
        "## Under way\n\n"
        "- going-v1 (ann, in_progress): Know which chunk size answers best"
        " [`experiments/active/ann/going/metadata.yaml` on `develop`]\n\n"
        "## Concluded last\n\n"
        "- done-v1 (ann, completed, adopt, exact\\_match 0.75): Small \\[chunks\\] win"
        " [`experiments/active/ann/done/metadata.yaml` on `develop`]"
    )
    assert mlws("knowledge", "sync").out == "all is as it should be\n"


def test_each_person_gets_a_page_once_and_keeps_it(place: Workspace, mlws: Mlws) -> None:
    home = place.root / "docs/memory/people"
    write(place.root, {"docs/memory/people/ann.md": "# ann\n\nMine.\n"})
    assert mlws("knowledge", "sync").code == 0
    assert (home / "mike.md").read_text().startswith("# mike\n\nWorks on:\n")
    assert mlws("team", "add", "zoe", "--email", "zoe@example.org").code == 0
    assert (home / "zoe.md").is_file()
    (home / "mike.md").write_text("# mike\n\nHis.\n")
    assert mlws("knowledge", "sync").code == 0
    assert (home / "mike.md").read_text() == "# mike\n\nHis.\n"
    assert (home / "ann.md").read_text() == "# ann\n\nMine.\n"


def test_the_check_names_what_is_behind_and_ignores_what_every_branch_has_otherwise(
    place: Workspace, mlws: Mlws
) -> None:
    assert mlws("knowledge", "sync").code == 0
    experiment(place, "going")
    assert mlws("knowledge", "sync", "--check").code == 0
    write(place.root, {"docs/adrs/2026-01-02-by-hand.md": "# By hand\n\nStatus: accepted\n"})
    ended = mlws("knowledge", "sync", "--check")
    assert (ended.code, ended.out) == (1, "docs/adrs/README.md is behind\n")
    ended = mlws("knowledge", "sync", "--dry-run")
    assert ended.code == 0
    assert ended.out.splitlines() == [
        "docs/adrs/README.md would be written",
        "docs/memory/progress.md would be written",
    ]
    assert mlws("knowledge", "sync").code == 0
    assert mlws("knowledge", "sync", "--check").out == "all is as it should be\n"
    assert mlws("knowledge", "sync", "--check", "--dry-run").code == 2


def test_a_broken_mark_of_one_page_leaves_all_as_they_were(place: Workspace, mlws: Mlws) -> None:
    begin, _ = indexes.marks("progress")
    write(place.root, {memory.PROGRESS: f"{begin}\n", "docs/adrs/0001-a.md": "# A\n"})
    ended = mlws("knowledge", "sync")
    assert ended.code == 1
    assert "docs/memory/progress.md: its generated part has lost a mark" in ended.err
    assert not (place.root / "docs/adrs/README.md").exists()


def test_a_fresh_workspace_is_in_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = {"researcher": "sarah", "researcher_email": "researcher@example.org"}
    root = render("workspace", answers, tmp_path / "rendered")
    ended = Mlws(root, monkeypatch, capsys)("knowledge", "sync", "--dry-run")
    assert (ended.code, ended.out) == (0, "all is as it should be\n")
