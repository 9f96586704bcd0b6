"""WS001 to WS004: layout, configuration, answers files, what merges leave behind."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mlws_scaffold.checks.run import run
from mlws_scaffold.checks.target import Scope
from tests.unit.checks.building import EXPERIMENT, Place, files


def test_what_the_layout_lacks_is_named(place: Place) -> None:
    shutil.rmtree(place.root / "docs/adrs")
    (place.root / "pyproject.toml").unlink()
    assert place.problems("WS001") == [
        "pyproject.toml: missing (restore the file)",
        "docs/adrs: missing (make the folder)",
    ]


def test_fix_makes_folders_but_never_files(place: Place) -> None:
    shutil.rmtree(place.root / "docs/adrs")
    (place.root / "scripts/setup-env.sh").unlink()
    report = run(place.root, place.root, ["WS001"], Scope(), fix=True)
    assert report.fixed == ("made the folder docs/adrs",)
    assert (place.root / "docs/adrs").is_dir()
    assert [problem.path for problem in report.outcomes[0].result.problems] == [
        "scripts/setup-env.sh"
    ]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('[workspace]\nname = "x"\n\n[chekcs]\n', 4, "did you mean 'checks'?"),
        ("[workspace]\nname = 3\n", 2, "write text in quotes"),
        ('[workspace]\nname = "x"\n[checks]\ndisable = ["GIT06"]\n', 4, "did you mean 'GIT006'?"),
        ('[workspace]\nname = "x"\n[team.Sarah]\nemail = "a@b.de"\n', 3, "bad handle"),
        (
            '[workspace]\nname = "x"\n[team.a1]\nemail="a@b.de"\n[team.b1]\nemail="A@b.de"\n',
            4,
            "several",
        ),
        ('[workspace]\nname = "x\n', 2, "is no TOML"),
    ],
)
def test_a_mistake_in_the_configuration_is_placed(
    place: Place, text: str, line: int, said: str
) -> None:
    place.write("mlws.toml", text)
    result = place.ask("WS002")
    assert result.answer == "no"
    assert result.problems[0].line == line
    assert said in str(result.problems[0])


def test_a_broken_configuration_leaves_other_checks_standing(place: Place) -> None:
    place.write("mlws.toml", "[")
    assert place.ask("EXP008").reason == "mlws.toml is broken (WS002)"
    assert place.ask("GIT005").answer == "not applicable"
    assert place.ask("EXP002").answer == "yes"
    assert place.ask("GIT001").answer == "yes"


def test_a_disabled_check_says_so(place: Place) -> None:
    place.write("mlws.toml", '[workspace]\nname = "x"\n[checks]\ndisable = ["WS001"]\n')
    shutil.rmtree(place.root / "docs/adrs")
    assert place.ask("WS001").answer == "disabled"


def test_an_ignored_answers_file_is_a_failure(place: Place) -> None:
    place.git("rm", "-q", "--cached", f"{EXPERIMENT}/.copier-answers.yml")
    place.write(".gitignore", ".copier-answers.yml\n")
    (problem,) = place.problems("WS003")
    assert problem.startswith(f"{EXPERIMENT}/.copier-answers.yml: is ignored by git")


def test_an_answers_file_left_out_of_git_is_a_failure(place: Place) -> None:
    place.git("rm", "-q", "--cached", ".copier-answers.yml")
    assert place.problems("WS003") == [
        ".copier-answers.yml: is not in git (git add .copier-answers.yml)"
    ]


def test_a_fresh_project_that_nobody_committed_yet_is_fine(place: Place) -> None:
    place.write("experiments/active/ann/new/.copier-answers.yml", "_src_path: x\n")
    place.write("experiments/active/ann/new/README.md", "# New\n")
    assert place.ask("WS003").answer == "yes"


def test_a_project_made_by_hand_gets_advice_only(place: Place) -> None:
    (place.root / EXPERIMENT / ".copier-answers.yml").unlink()
    assert len(place.warnings("WS003")) == 1


def test_the_workspace_itself_needs_its_answers(place: Place) -> None:
    (place.root / ".copier-answers.yml").unlink()
    assert place.ask("WS003").answer == "no"


def test_conflict_markers_and_rejects_are_found_tracked_or_not(place: Place) -> None:
    conflict = "a\n<<<<<<< before\nb\n=======\nc\n>>>>>>> after\n"
    place.edit(f"{EXPERIMENT}/train.py", "print('trained')\n", conflict)
    place.write("windows.txt", conflict.replace("\n", "\r\n"))
    place.write("new/README.md.rej", "x")
    assert [problem.split(": ")[0] for problem in place.problems("WS004")] == [
        "new/README.md.rej",
        f"{EXPERIMENT}/train.py:2:1",
        "windows.txt:2:1",
    ]


def test_what_only_resembles_a_marker_is_left_alone(place: Place) -> None:
    place.write("title.rst", "Title\n=======\n\n<<<<<<<no space\n>>>>>>>\n")
    place.write("shown.md", "    <<<<<<< indented\n    =======\n    >>>>>>> indented\n")
    place.write("half.md", "<<<<<<< only\n=======\n")
    place.write("blob.bin", b"\0<<<<<<< a\n=======\n>>>>>>> b\n")
    assert place.ask("WS004").answer == "yes"


def test_without_git_the_files_are_still_judged(tmp_path: Path) -> None:
    place = files(tmp_path)
    assert place.ask("WS001").answer == "yes"
    assert place.ask("EXP002").answer == "yes"
    assert place.ask("WS004").reason == "not a git repository"
