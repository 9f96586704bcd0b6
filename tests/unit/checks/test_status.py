"""EXP005 and EXP009: what a state needs, and which states may follow it."""

from __future__ import annotations

import pytest

from mlws_scaffold.checks.target import Scope
from mlws_scaffold.experiments.spec import STATUSES
from tests.unit.checks.building import EXPERIMENT, METADATA, Place

FILE = f"{EXPERIMENT}/metadata.yaml"
STAGED = Scope(staged=True)


def change(place: Place, status: str, more: str = "") -> None:
    """Stage another state of the experiment."""
    place.write(FILE, METADATA.replace("in_progress", status) + more)
    place.git("add", "-A")


def test_an_old_file_gets_advice_for_what_its_state_lacks(place: Place) -> None:
    change(place, "completed")
    place.commit()
    assert [warning.split(": ", 1)[1] for warning in place.warnings("EXP005")] == [
        "conclusion: missing for completed (write what was learned)",
        "missing (write the best configuration, the metrics, the conclusion)",
    ]


def test_the_move_itself_asks_for_everything(place: Place) -> None:
    change(place, "completed")
    assert len(place.problems("EXP005", STAGED)) == 2


def test_a_finished_experiment_with_all_its_parts_may_move(place: Place) -> None:
    place.write(f"{EXPERIMENT}/results/summary.md", "# Results\n\nChunks of 256 won.\n")
    change(place, "completed", "conclusion: Small chunks win\n")
    assert place.ask("EXP005", STAGED).answer == "yes"
    assert place.ask("EXP009", STAGED).answer == "yes"


def test_marks_of_the_template_count_as_unfilled(place: Place) -> None:
    summary = "# Results\n\n<!-- mlws:fill What won? -->\n"
    place.write(f"{EXPERIMENT}/results/summary.md", summary)
    change(place, "completed", "conclusion: Small chunks win\n")
    (problem,) = place.problems("EXP005", STAGED)
    assert problem.startswith(f"{EXPERIMENT}/results/summary.md:3:1: is not filled in here")


def test_leaving_planned_needs_a_hypothesis(place: Place) -> None:
    place.write(
        FILE, METADATA.replace("in_progress", "planned").replace("hypothesis", "x_hypothesis")
    )
    place.commit()
    assert place.ask("EXP005").warnings == ()
    place.edit(FILE, "planned", "in_progress")
    place.git("add", "-A")
    assert "hypothesis: missing" in place.problems("EXP005", STAGED)[0]


def test_an_experiment_in_the_wrong_half_of_the_tree_gets_advice(place: Place) -> None:
    place.git("mv", "experiments/active/sarah", "experiments/archive/sarah")
    place.commit()
    assert "the folder lies in the archive" in place.warnings("EXP005")[0]


@pytest.mark.parametrize(
    ("old", "new", "legal"),
    [
        ("planned", "in_progress", True),
        ("planned", "completed", True),  # several moves may lie between two commits
        ("in_progress", "blocked", True),
        ("blocked", "abandoned", True),
        ("completed", "archived", True),
        ("archived", "failed", True),
        ("in_progress", "planned", False),
        ("completed", "in_progress", False),
        ("failed", "completed", False),
        ("archived", "planned", False),
    ],
)
def test_a_state_moves_forward_only(place: Place, old: str, new: str, legal: bool) -> None:
    change(place, old)
    place.commit()
    change(place, new)
    result = place.ask("EXP009", STAGED)
    assert result.answer == ("yes" if legal else "no")
    if not legal:
        assert f"status: {old} cannot become {new}" in str(result.problems[0])


def test_every_state_has_a_way_out_of_it(place: Place) -> None:
    """No state is a dead end by mistake: each can be followed by at least one other."""
    for old in STATUSES:
        change(place, old)
        place.commit()
        answers = set()
        for new in STATUSES:
            if new in ("archived", "completed", "in_progress") and new != old:
                change(place, new)
                answers.add(place.ask("EXP009", STAGED).answer)
        assert "yes" in answers


def test_a_branch_is_compared_with_where_it_began(place: Place) -> None:
    change(place, "completed")
    place.commit()
    place.git("switch", "-q", "-c", "experiment/sarah/again")
    change(place, "in_progress")
    place.commit()
    place.git("switch", "-q", "develop")
    place.write("other.md", "x")
    place.commit()
    place.git("switch", "-q", "experiment/sarah/again")
    (problem,) = place.problems("EXP009", Scope(since="develop"))
    assert "completed cannot become in_progress" in problem


def test_a_move_into_the_archive_is_followed(place: Place) -> None:
    change(place, "completed", "conclusion: learned\n")
    place.commit()
    place.git("mv", "experiments/active/sarah", "experiments/archive/sarah")
    place.edit("experiments/archive/sarah/chunking/metadata.yaml", "completed", "archived")
    place.git("add", "-A")
    assert place.ask("EXP009", STAGED).answer == "yes"
    assert place.ask("EXP005", STAGED).answer == "yes"
