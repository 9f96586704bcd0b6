"""Generating from the installed wheel: the same tree as Copier's, all or nothing, told plainly."""

from __future__ import annotations

import signal
import subprocess
import time
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

from tests.support.installation import TAG, Installation, run
from tests.support.rendering import tree

pytestmark = pytest.mark.slow

DEFAULTS = ("workspace", "ws", "--defaults")


@pytest.fixture
def place(installed: Installation, clone: Path, tmp_path: Path) -> Path:
    """A workspace with its git repository."""
    installed.run("mlws-new", *DEFAULTS, "--origin", clone, folder=tmp_path)
    return tmp_path / "ws"


def _git(folder: Path, *arguments: str) -> str:
    return run(["git", *arguments], folder).output.strip()


def test_the_wheel_holds_the_package_and_the_template_and_nothing_else(
    wheel: Path, clone: Path
) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    tracked = run(["git", "ls-files", "-z"], clone).output.split("\0")
    package = {name.removeprefix("src/") for name in tracked if name.startswith("src/")}
    parts = ("copier.yml", "templates/", "hooks/")
    bundle = {f"mlws_scaffold/_bundle/{name}" for name in tracked if name.startswith(parts)}
    assert names == package | bundle


def test_the_bundle_and_the_tag_give_the_same_tree(
    installed: Installation, clone: Path, tmp_path: Path
) -> None:
    copier = ["copier", "copy", "--trust", "--defaults", "--quiet"]
    installed.run(*copier, clone, "a", folder=tmp_path)
    installed.run("mlws-new", "workspace", "b", "--defaults", "--origin", clone, folder=tmp_path)
    theirs, ours = (tree(tmp_path / name, answers_file=True) for name in "ab")
    assert list(theirs) == list(ours)
    assert [name for name in ours if theirs[name] != ours[name]] == []


@pytest.mark.parametrize("kind", ["experiment", "prototype", "agent"])
def test_a_project_equals_what_copier_gives_from_the_tag(
    kind: str, installed: Installation, clone: Path, place: Path, tmp_path: Path
) -> None:
    goal = "Find out whether both ways give the same"
    options = ["--goal", goal] if kind == "experiment" else []
    installed.run(
        "mlws-new",
        kind,
        "same-here",
        *options,
        "--no-branch" if kind != "prototype" else "--defaults",
        folder=place,
    )
    made = next(path for path in place.rglob("same-here") if path.is_dir())
    answers = [f"kind={kind}", f"{kind}_name=same-here"]
    answers += [f"experiment_goal={goal}"] if kind == "experiment" else []
    data = [word for answer in answers for word in ("-d", answer)]
    installed.run(
        "copier",
        "copy",
        "--trust",
        "--defaults",
        "--quiet",
        *data,
        clone,
        "theirs",
        folder=tmp_path,
    )
    assert tree(made, answers_file=True) == tree(tmp_path / "theirs", answers_file=True)


def test_a_new_workspace_has_one_commit_on_main_and_stands_on_develop(place: Path) -> None:
    assert _git(place, "rev-list", "--count", "main") == "1"
    assert _git(place, "branch", "--show-current") == "develop"
    assert _git(place, "rev-parse", "main") == _git(place, "rev-parse", "develop")
    assert _git(place, "status", "--porcelain") == ""


def test_the_origin_and_version_are_recorded_and_required(place: Path, clone: Path) -> None:
    answers = yaml.safe_load((place / ".copier-answers.yml").read_text())
    assert (answers["_src_path"], answers["_commit"]) == (str(clone), TAG)
    sources = tomllib.loads((place / "pyproject.toml").read_text())["tool"]["uv"]["sources"]
    assert sources["mlws-scaffold"] == {"git": f"file://{clone}", "tag": TAG}


def test_without_an_origin_the_result_says_so_and_requires_nothing_by_bare_name(
    installed: Installation, tmp_path: Path
) -> None:
    said = installed.run("mlws-new", *DEFAULTS, folder=tmp_path).output
    assert "no origin is known" in said
    assert "--link" in said
    groups = tomllib.loads((tmp_path / "ws/pyproject.toml").read_text())["dependency-groups"]
    assert not any("mlws" in requirement for group in groups.values() for requirement in group)


def test_an_existing_target_is_refused_and_untouched(
    installed: Installation, tmp_path: Path
) -> None:
    (tmp_path / "ws").mkdir()
    (tmp_path / "ws/mine.txt").write_text("mine")
    done = installed.run("mlws-new", *DEFAULTS, folder=tmp_path, status=2)
    assert "exists and is not empty" in done.output
    assert [path.name for path in (tmp_path / "ws").iterdir()] == ["mine.txt"]


def test_a_bad_answer_names_field_value_and_rule_and_leaves_nothing(
    installed: Installation, tmp_path: Path
) -> None:
    done = installed.run("mlws-new", *DEFAULTS, "-d", "researcher=Ann B", folder=tmp_path, status=2)
    assert "researcher: 'Ann B' does not fit: use 2 to 41 of a-z" in done.output
    done = installed.run("mlws-new", *DEFAULTS, "-d", "organization=x", folder=tmp_path, status=2)
    assert "did you mean 'organisation'?" in done.output
    assert list(tmp_path.iterdir()) == []


def test_without_a_terminal_and_without_defaults_nothing_is_guessed(
    installed: Installation, tmp_path: Path
) -> None:
    assert (
        "--defaults"
        in installed.run("mlws-new", "workspace", "ws", folder=tmp_path, status=2).output
    )


def test_ctrl_c_leaves_nothing(installed: Installation, tmp_path: Path) -> None:
    """Interrupted at many moments: there is either nothing, or the whole workspace."""
    for delay in (0.3, 0.8, 1.3, 1.8):
        command = [str(installed.bin / "mlws-new"), *DEFAULTS, "--skip-hooks"]
        process = subprocess.Popen(
            command, cwd=tmp_path, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        status = process.wait(30)
        left = [path.name for path in tmp_path.iterdir()]
        assert left in ([], ["ws"]), left
        if left:
            assert (tmp_path / "ws/mlws.toml").is_file()
            assert status in (0, 130)
            return


def test_an_experiment_starts_from_develop_on_its_own_branch(
    installed: Installation, place: Path
) -> None:
    _git(place, "switch", "-q", "main")
    said = installed.run(
        "mlws-new",
        "experiment",
        "first",
        "--goal",
        "Find out a thing or two",
        "--tags",
        "rag,small",
        folder=place,
    ).output
    assert "branch experiment/researcher/first, from develop" in said
    assert _git(place, "branch", "--show-current") == "experiment/researcher/first"
    metadata = yaml.safe_load(
        (place / "experiments/active/researcher/first/metadata.yaml").read_text()
    )
    assert (metadata["goal"], metadata["tags"]) == ("Find out a thing or two", ["rag", "small"])
    again = installed.run(
        "mlws-new",
        "experiment",
        "first",
        "--goal",
        "Find out a thing or two",
        folder=place,
        status=2,
    )
    assert "exists already" in again.output


def test_an_experiment_without_a_goal_is_refused(installed: Installation, place: Path) -> None:
    done = installed.run("mlws-new", "experiment", "first", folder=place, status=2)
    assert "experiment_goal is missing" in done.output
    assert _git(place, "branch", "--show-current") == "develop"


def test_a_second_person_s_experiment_starts_from_the_newest_develop(
    installed: Installation, place: Path, tmp_path: Path
) -> None:
    _git(tmp_path, "clone", "-q", str(place), "colleague")
    (place / "news.md").write_text("news\n")
    _git(place, "add", "-A")
    _git(place, "commit", "-q", "--no-verify", "-m", "news")
    colleague = tmp_path / "colleague"
    installed.run(
        "mlws-new", "experiment", "mine", "--goal", "Find out a thing or two", folder=colleague
    )
    assert (colleague / "news.md").is_file()


def test_a_model_gets_a_modelfile_and_an_entry_and_comments_stay(
    installed: Installation, place: Path
) -> None:
    registry = place / "models/registry.yaml"
    registry.write_text(registry.read_text() + "  # the end\n")
    installed.run("mlws-new", "model", "our-helper", "--base", "mistral:7b", folder=place)
    assert "# the end" in registry.read_text()
    entry = yaml.safe_load(registry.read_text())["models"]["our-helper"]
    assert (entry["source"], entry["base_model"]) == ("custom", "mistral:7b")
    assert "\nFROM mistral:7b\n" in (place / entry["modelfile"]).read_text()
    before = registry.read_text()
    installed.run("mlws-new", "model", "our-helper", "--base", "mistral:7b", folder=place, status=2)
    assert registry.read_text() == before


def test_every_kind_passes_the_checks_at_once(installed: Installation, place: Path) -> None:
    installed.run(
        "mlws-new", "experiment", "one", "--goal", "Find out a thing or two", folder=place
    )
    installed.run("mlws-new", "prototype", "two", folder=place)
    installed.run("mlws-new", "agent", "three", "--no-branch", folder=place)
    installed.run("mlws-new", "model", "four", folder=place)
    installed.run("mlws", "check", folder=place)


@pytest.mark.parametrize("organisation", ['A "B": #1 🙂', "null", "0123", "back\\slash", "x" * 300])
def test_typed_text_survives_and_checks_clean(
    organisation: str, installed: Installation, tmp_path: Path
) -> None:
    installed.run("mlws-new", *DEFAULTS, "-d", f"organisation={organisation}", folder=tmp_path)
    config = tomllib.loads((tmp_path / "ws/mlws.toml").read_text())
    assert config["workspace"]["organisation"] == organisation
    installed.run("mlws", "check", folder=tmp_path / "ws")
