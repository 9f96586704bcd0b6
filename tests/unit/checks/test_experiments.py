"""EXP001 to EXP004, EXP006 to EXP008, EXP010: what experiments say about themselves."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from mlws_scaffold.checks.target import Scope
from tests.unit.checks.building import EXPERIMENT, METADATA, Place, files

FILE = f"{EXPERIMENT}/metadata.yaml"


def test_a_folder_without_metadata_is_named(place: Place) -> None:
    place.write("experiments/active/ann/lost/train.py", "x = 1\n")
    (problem,) = place.problems("EXP001")
    assert problem.startswith("experiments/active/ann/lost/metadata.yaml: missing")


def test_metadata_at_the_wrong_depth_is_named(place: Place) -> None:
    place.write("experiments/active/loose/metadata.yaml", METADATA)
    place.write("experiments/active/ann/group/inner/metadata.yaml", METADATA)
    found = place.problems("EXP001")
    assert "experiments/active/loose/metadata.yaml: lies at the wrong depth" in " ".join(found)
    assert "experiments/active/ann/group/inner/metadata.yaml: lies at" in " ".join(found)


def test_what_another_branch_left_behind_is_no_experiment(place: Place) -> None:
    """After a switch of branches, only ignored files may remain in a folder."""
    place.write("experiments/active/ann/elsewhere/outputs/model.bin", "x")
    (place.root / "experiments/active/ann/empty").mkdir()
    assert place.ask("EXP001").answer == "yes"


@pytest.mark.parametrize("with_git", [True, False])
def test_mistakes_are_placed_with_line_and_column(
    tmp_path: Path, place: Place, with_git: bool
) -> None:
    if not with_git:
        (tmp_path / "plain").mkdir()
        place = files(tmp_path / "plain")
    place.edit(FILE, "status: in_progress", "status: running")
    place.edit(FILE, "goal: Know which chunk size answers best\n", "")
    found = place.problems("EXP002")
    assert f"{FILE}:1:1: goal: missing" in found[0]
    assert f'{FILE}:4:1: status: unknown value "running"' in found[1]


def test_a_broken_file_does_not_hide_the_next(place: Place) -> None:
    place.write("experiments/active/ann/aaa/metadata.yaml", "\tx: 1\n")
    place.write("experiments/active/ann/zzz/metadata.yaml", METADATA.replace("goal", "gaol"))
    found = " ".join(place.problems("EXP002"))
    assert "experiments/active/ann/aaa/metadata.yaml:1:1" in found
    assert (
        "experiments/active/ann/zzz/metadata.yaml:5:1: gaol: unknown field (did you mean 'goal'?)"
        in found
    )


def test_a_researcher_in_another_folder_is_named(place: Place) -> None:
    place.edit(FILE, "researcher: sarah", "researcher: ann")
    (problem,) = place.problems("EXP003")
    assert problem.startswith(f"{FILE}:2:1: researcher: 'ann' in the folder of 'sarah'")


def test_an_odd_folder_name_is_advice(place: Place) -> None:
    place.write("experiments/active/sarah/Chunk_2/metadata.yaml", METADATA.replace("-v1", "-v2"))
    assert "bad folder name 'Chunk_2'" in place.warnings("EXP003")[0]


def test_an_id_used_twice_is_named_in_both_places_the_archive_included(place: Place) -> None:
    place.write("experiments/archive/ann/old/metadata.yaml", METADATA.replace("sarah", "ann"))
    found = place.problems("EXP004")
    assert len(found) == 2
    assert "'chunking-v1' is also the id of experiments/archive/ann/old" in found[0]


def test_an_id_of_another_branch_is_taken_and_a_renamed_folder_is_not_another(place: Place) -> None:
    place.git("switch", "-q", "-c", "side")
    place.write("experiments/active/ann/other/metadata.yaml", METADATA.replace("sarah", "ann"))
    place.commit()
    place.git("switch", "-q", "develop")
    (problem,) = place.problems("EXP004")
    assert "also the id of experiments/active/ann/other on side" in problem
    place.git("branch", "-q", "-D", "side")
    place.git("mv", EXPERIMENT, f"{EXPERIMENT}-better")
    place.commit()
    assert place.ask("EXP004").answer == "yes"


def test_only_touched_projects_are_judged_but_against_all(place: Place) -> None:
    place.write("experiments/archive/ann/old/metadata.yaml", METADATA.replace("sarah", "ann"))
    place.commit()
    place.write("experiments/active/ann/new/metadata.yaml", METADATA.replace("sarah", "ann"))
    place.git("add", "-A")
    (problem,) = place.problems("EXP004", Scope(staged=True))
    assert problem.startswith("experiments/active/ann/new/metadata.yaml:1:1: experiment_id:")


def test_a_date_to_come_is_refused_and_today_is_not(place: Place) -> None:
    place.edit(FILE, "2026-01-05", str(date.today()))
    assert place.ask("EXP006").answer == "yes"
    place.edit(FILE, str(date.today()), str(date.today() + timedelta(days=9)))
    assert "lies in the future" in place.problems("EXP006")[0]


def test_an_update_before_the_beginning_is_refused(place: Place) -> None:
    place.write(FILE, METADATA + "updated: 2025-12-31\n")
    assert "is before created" in place.problems("EXP006")[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# Chunking\n\n## Goal\n\nKnow.\n", "no heading says how to run it"),
        ("# Chunking\n\n## How to run\n\n    python train.py\n", "no heading says the goal"),
        ("# Goal\n\n# How to run\n\ntext\n", "README.md:1:1: the section with the goal is empty"),
        ("# Goal\n\n<!-- later -->\n\n# Usage\n\ntext\n", "the goal is empty"),
        ("```\n# Goal\n# run\n```\n", "no heading says the goal"),
        ("", "no heading says the goal"),
    ],
)
def test_a_readme_that_leaves_questions_is_named(place: Place, text: str, said: str) -> None:
    place.write(f"{EXPERIMENT}/README.md", text)
    assert said in " ".join(place.problems("EXP007"))


@pytest.mark.parametrize(
    "text",
    [
        "Goal\n====\n\nKnow.\n\nRunning it\n----------\n\ntext\n",
        "# Goals\n\nKnow.\n\n## Reproduce\n\n### On a GPU\n\ntext\n",
        "# X\r\n\r\n## Goal\r\n\r\nKnow.\r\n\r\n## Usage\r\n\r\ntext\r\n",
    ],
)
def test_a_readme_may_say_it_in_its_own_form(place: Place, text: str) -> None:
    place.write(f"{EXPERIMENT}/README.md", text)
    assert place.ask("EXP007").answer == "yes"


def test_a_missing_readme_is_named(place: Place) -> None:
    (place.root / EXPERIMENT / "README.md").unlink()
    assert place.problems("EXP007") == [
        f"{EXPERIMENT}/README.md: missing (write the goal and how to run it)"
    ]


def test_unknown_people_are_advice(place: Place) -> None:
    place.write(FILE, METADATA + "owner: mike\nteam: [ann, tom]\n")
    assert [warning.split(": ", 1)[1] for warning in place.warnings("EXP008")] == [
        "owner: 'mike' is not in [team] (add [team.mike] to mlws.toml)",
        "team: 'tom' is not in [team] (add [team.tom] to mlws.toml)",
    ]


def test_a_parent_that_nobody_has_is_advice(place: Place) -> None:
    place.write(FILE, METADATA + "parent: nothing-like-it\nbaseline: chunking-v1\n")
    assert [warning.split(": ", 1)[1] for warning in place.warnings("EXP010")] == [
        "parent: no experiment here has the id 'nothing-like-it'",
        "baseline: names the experiment itself",
    ]
