"""Hostile and broken input gives a message, and everything else is still judged."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mlws_scaffold.checks.run import run
from mlws_scaffold.checks.target import Scope
from tests.unit.checks.building import AGENT, EXPERIMENT, METADATA, Place, files

BAD = "experiments/active/ann/bad"
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 9)
)
JUNK = {
    "binary": (bytes(range(256)) * 10, "is not UTF-8"),
    "ten megabytes": (b"x" * 10_000_000, "is 10000 kB"),
    "deep": (b"goal: " + b"[" * 50_000, "is nested too deeply"),
    "deep blocks": (b"- " * 50_000, "is nested too deeply"),
    "aliases": (f"{BOMB}goal: *a8\n".encode(), "aliases unfold"),
    "a circle": (b"goal: &a [*a]\n", "aliases unfold"),
    "a tag": (b"goal: !!python/object/apply:os.system [ls]\n", "only plain values"),
    "nothing": (b"", "is empty"),
    "a list": (b"- a\n", "is no mapping"),
    "huge number": (b"created: " + b"9" * 6000, "impossible value"),
    "impossible date": (b"created: 2026-99-99\n", "impossible value"),
    "null byte": (b"goal: a\x00b\n", "is no YAML"),
}


@pytest.mark.parametrize(("content", "said"), JUNK.values(), ids=JUNK)
def test_junk_is_named_and_the_neighbour_still_judged(
    place: Place, content: bytes, said: str
) -> None:
    place.write(f"{BAD}/metadata.yaml", content)
    place.edit(f"{EXPERIMENT}/metadata.yaml", "status: in_progress", "status: running")
    found = place.problems("EXP002")
    assert said in found[0]
    assert found[-1].startswith(f"{EXPERIMENT}/metadata.yaml:4:1: status:")


@pytest.mark.parametrize("content", [content for content, _ in JUNK.values()], ids=JUNK)
def test_no_check_breaks_on_junk_anywhere(place: Place, content: bytes) -> None:
    for path in (
        f"{BAD}/metadata.yaml",
        f"{EXPERIMENT}/README.md",
        f"{AGENT}/agent.yaml",
        f"{AGENT}/config.yaml",
        "models/registry.yaml",
        "modelfiles/helper.Modelfile",
        "mlws.toml",
        "pyproject.toml",
        "uv.lock",
        "environment.yaml",
        "shared/prompts/assistant.md",
    ):
        place.write(path, content[:2_000_000])
    place.git("add", "-A")
    for scope in (Scope(), Scope(since="main")):
        failed = {
            outcome.check.id
            for outcome in run(place.root, place.root, [], scope).outcomes
            if outcome.result.answer == "no"
        }
        assert {"WS002", "WS005", "WS006", "EXP002", "EXP007", "MOD001", "AGT001"} <= failed


def test_a_link_out_of_the_workspace_is_not_followed(place: Place, tmp_path: Path) -> None:
    (tmp_path / "outside.yaml").write_text(METADATA.replace("status", "stolen"))
    (place.root / BAD).mkdir(parents=True)
    (place.root / BAD / "metadata.yaml").symlink_to(tmp_path / "outside.yaml")
    (place.root / EXPERIMENT / "README.md").unlink()
    (place.root / EXPERIMENT / "README.md").symlink_to("/etc/passwd")
    (problem,) = place.problems("EXP002")
    assert "leads out of the workspace" in problem
    assert any("leads out of" in problem for problem in place.problems("EXP007"))


@pytest.mark.parametrize("with_git", [True, False])
def test_links_in_a_circle_and_pipes_are_named(
    place: Place, tmp_path: Path, with_git: bool
) -> None:
    if not with_git:
        (tmp_path / "plain").mkdir()
        place = files(tmp_path / "plain")
    for name in ("circle", "pipe"):
        place.write(f"experiments/active/ann/{name}/README.md", "x")
    (place.root / "experiments/active/ann/circle/metadata.yaml").symlink_to("metadata.yaml")
    os.mkfifo(place.root / "experiments/active/ann/pipe/metadata.yaml")
    found = place.problems("EXP002")
    assert "circle/metadata.yaml: cannot be read" in found[0]
    assert "pipe/metadata.yaml: is no ordinary file" in found[1]


def test_names_with_odd_signs_are_read_as_they_are(place: Place) -> None:
    folder = 'experiments/active/ann/tab\there "ü" 🙂'
    place.write(f"{folder}/metadata.yaml", "x: [")
    place.git("add", "-A")
    for scope in (Scope(), Scope(staged=True)):
        assert place.problems("EXP002", scope)[0].startswith(f"{folder}/metadata.yaml:2:1: is no")


def test_a_name_that_is_no_text_does_not_stop_the_checks(place: Place) -> None:
    path = os.fsencode(place.root / "notes") + b"\xff.md"
    try:
        Path(os.fsdecode(path)).write_text("x")
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    place.git("add", "-A")
    report = run(place.root, place.root, [], Scope(staged=True))
    assert not report.failed


def test_a_workspace_that_an_outer_repository_ignores_is_judged_as_files(tmp_path: Path) -> None:
    outer = Place(tmp_path)
    outer.git("init", "-q")
    outer.write(".gitignore", "inner/\n")
    (tmp_path / "inner").mkdir()
    place = files(tmp_path / "inner")
    place.edit(f"{EXPERIMENT}/metadata.yaml", "goal:", "gaol:")
    assert "ignores it" in place.ask("GIT001").reason
    assert place.ask("EXP002").answer == "no"


def test_a_workspace_inside_a_larger_repository_sees_its_own_part(tmp_path: Path) -> None:
    outer = Place(tmp_path)
    outer.git("init", "-q", "-b", "main")
    outer.write("other/<<<.md", "<<<<<<< a\n=======\n>>>>>>> b\n")
    (tmp_path / "inner").mkdir()
    place = files(tmp_path / "inner")
    outer.commit()
    assert place.ask("WS004").answer == "yes"
    place.edit(f"{EXPERIMENT}/metadata.yaml", "goal:", "gaol:")
    outer.git("add", "-A")
    assert place.problems("EXP002", Scope(staged=True))[0].startswith(EXPERIMENT)
    assert run(place.root, place.root, ["EXP002"], Scope()).prefix == "inner/"
