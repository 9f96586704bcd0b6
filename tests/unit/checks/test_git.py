"""GIT001 to GIT004: sizes, ignored files, hotfixes, names of branches."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mlws_scaffold.checks.target import Scope
from tests.unit.checks.building import Place


def test_a_large_file_is_named_once_it_is_in_the_index(place: Place) -> None:
    place.edit("mlws.toml", "[team.sarah]", "[checks]\nmax_file_mb = 1\n\n[team.sarah]")
    place.write("weights.bin", b"0" * 2_000_000)
    assert place.ask("GIT001").answer == "yes"
    place.git("add", "weights.bin")
    (problem,) = place.problems("GIT001", Scope(staged=True))
    assert problem == "weights.bin: has 1.9 MB, the limit is 1 (git rm --cached weights.bin)"


def test_what_lfs_keeps_counts_as_its_pointer(place: Place) -> None:
    place.edit("mlws.toml", "[team.sarah]", "[checks]\nmax_file_mb = 1\n\n[team.sarah]")
    place.git("config", "filter.lfs.clean", "printf 'version https://example.org/spec/v1\\n'")
    place.write(".gitattributes", "*.bin filter=lfs\n")
    place.write("weights.bin", b"0" * 2_000_000)
    place.git("add", "-A")
    assert place.ask("GIT001").answer == "yes"


def test_a_tracked_file_that_is_ignored_is_named(place: Place) -> None:
    place.write("train.log", "epoch 1\n")
    place.git("add", "-f", "train.log")
    assert place.problems("GIT002") == [
        "train.log: is ignored by a .gitignore but tracked (git rm --cached train.log)"
    ]


def test_what_one_person_ignores_binds_nobody(place: Place) -> None:
    place.write(".git/info/exclude", "*.toml\n")
    place.git("config", "core.excludesFile", str(place.write("mine", "*.md\n")))
    assert place.ask("GIT002").answer == "yes"


def hotfix(place: Place) -> None:
    """A hotfix that was merged into main; HEAD is on develop."""
    place.git("switch", "-q", "-c", "hotfix/leak", "main")
    place.write("fix.md", "mended\n")
    place.commit("mend")
    place.git("switch", "-q", "main")
    place.git("merge", "-q", "--no-ff", "-m", "hotfix", "hotfix/leak")
    place.git("switch", "-q", "develop")


def test_a_hotfix_that_develop_lacks_is_named(place: Place) -> None:
    hotfix(place)
    assert place.problems("GIT003") == [
        "hotfix/leak: is in main but not in develop (merge hotfix/leak into develop)"
    ]
    place.write("own.md", "mine\n")
    place.commit()
    assert place.ask("GIT003", Scope(since="main")).answer == "yes"
    assert len(place.warnings("GIT003", Scope(since="main"))) == 1


def test_a_hotfix_that_came_home_is_fine_by_merge_and_by_squash(place: Place) -> None:
    hotfix(place)
    place.git("switch", "-q", "-c", "feature/bring-home")
    place.git("merge", "-q", "hotfix/leak", "-m", "home")
    assert place.ask("GIT003").answer == "yes"
    place.git("switch", "-q", "develop")
    assert place.ask("GIT003").answer == "no"
    place.git("merge", "-q", "--squash", "hotfix/leak")
    place.commit("squashed")
    assert place.ask("GIT003").answer == "yes"


def test_a_hotfix_that_is_still_under_way_is_fine(place: Place) -> None:
    place.git("switch", "-q", "-c", "hotfix/slow", "main")
    place.write("fix.md", "half\n")
    place.commit()
    place.git("switch", "-q", "develop")
    assert place.ask("GIT003").answer == "yes"


def test_hotfixes_on_the_server_count(place: Place, tmp_path: Path) -> None:
    hotfix(place)
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", place.root, clone], check=True)
    assert Place(clone).problems("GIT003") == place.problems("GIT003")


def test_a_shallow_clone_cannot_tell(place: Place, tmp_path: Path) -> None:
    hotfix(place)
    clone = tmp_path / "clone"
    command = [
        "git",
        "clone",
        "-q",
        "--depth",
        "1",
        "--no-single-branch",
        f"file://{place.root}",
        clone,
    ]
    subprocess.run(command, check=True)
    assert "shallow" in Place(clone).ask("GIT003").reason


@pytest.mark.parametrize(
    ("branch", "answer"),
    [
        ("main", "yes"),
        ("develop", "yes"),
        ("experiment/sarah/chunk-size", "yes"),
        ("feature/tenant-logins", "yes"),
        ("hotfix/CVE-2026-1", "yes"),
        ("dependabot/uv/numpy-2.1", "yes"),
        ("mlws/update-v1.2.0", "yes"),
        ("wip", "no"),
        ("experiment/chunking", "no"),
        ("experiment/sarah/Chunk_Size", "no"),
        ("experiment/sarah/a/b", "no"),
        ("features/x", "no"),
        ("feature/ümlaut", "no"),
    ],
)
def test_branches_have_names_of_the_teams_kinds(place: Place, branch: str, answer: str) -> None:
    place.git("switch", "-q", "-C", branch)
    assert place.ask("branch").answer == answer


def test_branches_may_be_called_otherwise_in_the_configuration(place: Place) -> None:
    place.edit("mlws.toml", 'name = "demo"', 'name = "demo"\nintegration_branch = "trunk"')
    place.git("switch", "-q", "-c", "trunk")
    assert place.ask("GIT004").answer == "yes"
    place.git("switch", "-q", "develop")
    assert place.ask("GIT004").answer == "no"


def test_a_branch_of_somebody_unknown_is_advice(place: Place) -> None:
    place.git("switch", "-q", "-c", "experiment/mike/idea")
    assert "'mike' is not in [team]" in place.warnings("GIT004")[0]


def test_a_detached_head_has_no_name(place: Place) -> None:
    place.git("switch", "-q", "--detach")
    assert place.ask("GIT004").reason == "HEAD is detached"


def test_what_is_proposed_or_pushed_outvotes_the_checkout(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRE_COMMIT_REMOTE_BRANCH", "refs/heads/wip")
    assert place.ask("GIT004").answer == "no"
    monkeypatch.setenv("PRE_COMMIT_REMOTE_BRANCH", "refs/tags/v1")
    assert place.ask("GIT004").answer == "not applicable"
    monkeypatch.delenv("PRE_COMMIT_REMOTE_BRANCH")
    monkeypatch.setenv("GITHUB_HEAD_REF", "patch-1")
    assert place.ask("GIT004").answer == "no"


def test_a_commit_is_not_stopped_for_its_branch(place: Place) -> None:
    place.git("switch", "-q", "-c", "wip")
    assert place.ask("GIT004", Scope(staged=True)).answer == "not applicable"
