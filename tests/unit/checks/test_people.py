"""GIT005: a change in another person's experiment."""

from __future__ import annotations

import pytest

from mlws_scaffold.checks.target import Scope
from tests.unit.checks.building import EXPERIMENT, METADATA, Place

STAGED = Scope(staged=True)
FILE = f"{EXPERIMENT}/train.py"


def as_person(place: Place, email: str) -> None:
    place.git("config", "user.email", email)


def test_a_staged_change_in_anothers_experiment_is_named(place: Place) -> None:
    as_person(place, "Ann@example.org")
    place.write(FILE, "print('mine now')\n")
    place.git("add", "-A")
    assert place.problems("GIT005", STAGED) == [
        f"{EXPERIMENT}: ann changed 1 file in the experiment of sarah"
        " (ask sarah to name you in `team`, or start your own)"
    ]


def test_an_uncommitted_change_counts_without_staging(place: Place) -> None:
    as_person(place, "ann@example.org")
    place.write(FILE, "print('mine now')\n")
    place.write(f"{EXPERIMENT}/new.py", "x = 1\n")
    (problem,) = place.problems("GIT005")
    assert "ann changed 2 files" in problem


@pytest.mark.parametrize("line", ["team: [ann]\n", "owner: ann\n"])
def test_the_team_and_the_owner_may_change_it(place: Place, line: str) -> None:
    place.write(f"{EXPERIMENT}/metadata.yaml", METADATA + line)
    place.commit()
    as_person(place, "ann@example.org")
    place.write(FILE, "print('ours')\n")
    place.git("add", "-A")
    assert place.ask("GIT005", STAGED).answer == "yes"


def test_the_researcher_may_change_their_own(place: Place) -> None:
    place.write(FILE, "print('better')\n")
    assert place.ask("GIT005").answer == "yes"


def test_commits_are_judged_by_their_author_not_by_who_checks(place: Place) -> None:
    place.git("switch", "-q", "-c", "feature/mixed")
    place.write(FILE, "print('sarah herself')\n")
    place.commit(email="sarah@example.org")
    as_person(place, "ann@example.org")
    assert place.ask("GIT005").answer == "yes"
    place.write(FILE, "print('ann did it')\n")
    place.commit(email="ann@example.org")
    as_person(place, "sarah@example.org")
    assert len(place.problems("GIT005")) == 1
    assert len(place.problems("GIT005", Scope(since="develop"))) == 1


def test_what_the_shared_branches_have_is_settled(place: Place) -> None:
    place.write(FILE, "print('accepted')\n")
    place.commit(email="ann@example.org")
    place.git("switch", "-q", "-c", "feature/later")
    place.write("notes.md", "x")
    place.commit(email="ann@example.org")
    assert place.ask("GIT005").answer == "yes"


def test_an_unknown_address_is_not_judged(place: Place) -> None:
    as_person(place, "robot@example.org")
    place.write(FILE, "print('?')\n")
    place.git("add", "-A")
    result = place.ask("GIT005", STAGED)
    assert (result.answer, result.reason) == (
        "not applicable",
        "made by robot@example.org: not in [team]",
    )


def test_a_new_experiment_in_anothers_folder_is_named(place: Place) -> None:
    as_person(place, "ann@example.org")
    place.write("experiments/active/sarah/gift/metadata.yaml", METADATA)
    place.write("experiments/active/sarah/gift/.copier-answers.yml", "_src_path: x\n")
    place.git("add", "-A")
    assert len(place.problems("GIT005", STAGED)) == 1


def test_a_deletion_counts(place: Place) -> None:
    as_person(place, "ann@example.org")
    place.git("rm", "-q", "-r", EXPERIMENT)
    assert len(place.problems("GIT005", STAGED)) == 1


def test_a_template_update_is_free_to_all(place: Place) -> None:
    as_person(place, "ann@example.org")
    place.write(f"{EXPERIMENT}/.copier-answers.yml", "_commit: v2\n_src_path: somewhere\n")
    place.write(FILE, "print('as the template has it')\n")
    place.git("add", "-A")
    assert place.ask("GIT005", STAGED).answer == "yes"


def test_archiving_by_the_owner_is_fine(place: Place) -> None:
    place.write(f"{EXPERIMENT}/metadata.yaml", METADATA + "owner: ann\n")
    place.commit()
    as_person(place, "ann@example.org")
    place.git("mv", "experiments/active/sarah", "experiments/archive/sarah")
    assert place.ask("GIT005", STAGED).answer == "yes"
