"""Decisions and learnings: written with what is known, listed, and found again."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlws_scaffold.adapters import files
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import InvalidFile, MlwsError
from mlws_scaffold.scaffold.knowledge import indexes, pages, writing
from mlws_scaffold.workspace.config import Workspace
from mlws_scaffold.workspace.layout import Layout
from tests.support.commandline import Mlws
from tests.support.template_repo import commit, write
from tests.unit.experiments.building import experiment

TODAY = date.today().isoformat()
RESULTS = "results: {metric: accuracy, best_metric: 0.9125, run_id: abc123}\n"
FIRST = "# 1. One repository\n\nStatus: accepted\n\n## Context\n\nStatus: of nothing\n"


def rows(place: Workspace, kind: str) -> list[str]:
    text = (place.root / indexes.path_of(kind)).read_text()
    begin, end = indexes.marks("index")
    return [line for line in text.split(begin)[1].split(end)[0].splitlines() if "](" in line]


def test_a_decision_has_its_day_author_and_questions_and_a_line_in_the_index(
    place: Workspace, new: Mlws
) -> None:
    ended = new("adr", "Rerank the passages | before [answering]")
    path = f"docs/adrs/{TODAY}-rerank-the-passages-before-answering.md"
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"made {path}, named in docs/adrs/README.md\n")
    text = (place.root / path).read_text()
    assert text.startswith("# Rerank the passages | before [answering]\n\nStatus: accepted\n")
    assert f"\nDate: {TODAY}, by ann\n" in text
    assert re.findall(r"^## (.+)", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
    assert text.count("<!-- mlws:fill") == 3
    [row] = rows(place, "adr")
    title = r"Rerank the passages \| before \[answering\]"
    assert row == f"| {TODAY} | accepted | [{title}]({Path(path).name}) |"


def test_a_learning_says_what_the_experiment_found(place: Workspace, new: Mlws) -> None:
    experiment(place, status="completed", more=f"{RESULTS}conclusion: Small chunks win by far\n")
    assert new("learning", "Long chunks hide the answer", "-e", "chunking-v1").code == 0
    text = (place.root / f"docs/learnings/{TODAY}-long-chunks-hide-the-answer.md").read_text()
    way = "../../experiments/active/ann/chunking"
    assert f"\nExperiment: [chunking-v1]({way}) (completed)\n" in text
    assert (place.root / "docs/learnings" / way / "metadata.yaml").is_file()
    assert "\nGoal: Know which chunk size answers best\n" in text
    assert "\nBest: accuracy 0.9125, run `abc123`\n" in text
    assert "\nConclusion: Small chunks win by far\n" in text
    [page] = pages.every(place.layout, "learning")
    assert (page.title, page.by, page.experiment) == (
        "Long chunks hide the answer", "ann", "chunking"
    )  # fmt: skip


def test_an_experiment_that_is_not_there_makes_no_page(place: Workspace, new: Mlws) -> None:
    ended = new("learning", "Long chunks hide the answer", "-e", "chunkin")
    assert ended.code == 2
    assert "no experiment 'chunkin' in the working tree" in ended.err
    assert not (place.root / "docs").exists()


@pytest.mark.parametrize("title", ["", "ab", "✓ ✓ ✓", "two\nlines", "x" * 121])
def test_a_title_that_names_nothing_is_refused(place: Workspace, new: Mlws, title: str) -> None:
    ended = new("adr", title)
    assert (ended.code, ended.err.startswith("error: title: ")) == (2, True)
    assert not list((place.root).rglob("docs/adrs/*.md"))


def test_the_same_title_on_the_same_day_overwrites_nothing(place: Workspace, new: Mlws) -> None:
    new("adr", "Use one store")
    path = place.root / f"docs/adrs/{TODAY}-use-one-store.md"
    path.write_text("mine\n")
    ended = new("adr", "Use one store!")
    assert ended.code == 2
    assert "exists already" in ended.err
    assert path.read_text() == "mine\n"


def test_a_page_that_the_index_cannot_name_is_not_left_behind(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = files.write

    def full(path: Path, content: str | bytes) -> None:
        if path.name == "README.md":
            raise MlwsError("no space")
        real(path, content)

    monkeypatch.setattr(files, "write", full)
    with pytest.raises(MlwsError, match="no space"):
        writing.decision(place, "Use one store")
    assert list((place.root / "docs/adrs").iterdir()) == []


def test_people_s_words_around_the_index_stay_and_a_lost_mark_is_named(place: Workspace) -> None:
    begin, end = indexes.marks("index")
    path = place.root / "docs/adrs/README.md"
    write(place.root, {"docs/adrs/README.md": f"before\n{begin}\nold\n{end}\nafter\n"})
    writing.decision(place, "Use one store")
    text = path.read_text()
    assert text.startswith(f"before\n{begin}\n")
    assert text.endswith(f"{end}\nafter\n")
    assert "old" not in text
    path.write_text(text.replace(end, ""))
    with pytest.raises(InvalidFile, match="has lost a mark"):
        writing.decision(place, "Use two stores")
    assert not list((place.root / "docs/adrs").glob("*two*"))


@given(st.text(max_size=200), st.text(max_size=50))
def test_between_the_marks_only_the_part_changes(text: str, part: str) -> None:
    once = indexes.between(text, "index", "first", "x.md")
    again = indexes.between(once, "index", "second", "x.md")
    assert again == once.replace("\n\nfirst\n\n", "\n\nsecond\n\n")
    assert indexes.between(again, "index", "first", "x.md") == once


def test_two_people_who_write_on_two_branches_lose_no_line(place: Workspace) -> None:
    git = Git(place.root)
    write(place.root, {".gitattributes": "docs/adrs/README.md merge=union\n"})
    writing.decision(place, "The first of all")
    commit(place.root, "Begin")
    for branch, title in (("one", "Use one store"), ("two", "Use two stores")):
        git.run("switch", "-q", "-c", branch, "develop")
        writing.decision(place, title)
        commit(place.root, title)
    git.run("merge", "-q", "-m", "Both", "one")
    indexes.renew(place.layout, "adr")
    assert len(rows(place, "adr")) == 3
    assert all(title in str(rows(place, "adr")) for title in ("one store", "two stores"))


def test_a_later_decision_takes_the_place_of_an_older_one(place: Workspace, mlws: Mlws) -> None:
    write(place.root, {"docs/adrs/0001-one-repository.md": FIRST})
    writing.decision(place, "Two repositories", proposed=True)
    new = f"{TODAY}-two-repositories"
    assert "would be superseded" in mlws("adr", "supersede", "0001", "two", "--dry-run").out
    assert (place.root / "docs/adrs/0001-one-repository.md").read_text() == FIRST
    assert mlws("adr", "supersede", "0001", "two").code == 0
    text = (place.root / "docs/adrs/0001-one-repository.md").read_text()
    changed = FIRST.replace(
        "Status: accepted", f"Status: superseded by [Two repositories]({new}.md)"
    )
    assert text == changed
    listed = json.loads(mlws("adr", "list", "--json").out)
    facts = [
        (one["name"], one["status"], one["supersedes"], one["superseded_by"]) for one in listed
    ]
    assert facts == [
        (new, "accepted", "0001-one-repository", ""),
        ("0001-one-repository", "superseded", "", new),
    ]
    assert f"superseded by [{new}]({new}.md)" in rows(place, "adr")[1]


def test_no_decision_takes_its_own_place_twice_or_in_a_circle(place: Workspace, mlws: Mlws) -> None:
    for title in ("Use one store", "Use two stores", "Use three stores"):
        writing.decision(place, title)
    assert mlws("adr", "supersede", "one-store", "two-stores").code == 0
    before = {path: path.read_text() for path in (place.root / "docs/adrs").iterdir()}
    for old, new, said in [
        ("one-store", "one-store", "cannot take its own place"),
        ("one-store", "two-stores", "superseded by"),
        ("two-stores", "one-store", "superseded by"),
        ("one-store", "three", "superseded by"),
        ("three", "two-stores", "supersedes"),
        ("store", "three", "means more than one"),
        ("four", "three", "nothing in docs/adrs is called 'four'"),
    ]:
        ended = mlws("adr", "supersede", old, new)
        assert (ended.code, said in ended.err) == (2, True), ended.err
    assert {path: path.read_text() for path in (place.root / "docs/adrs").iterdir()} == before


def test_a_half_written_supersede_is_taken_back(
    place: Workspace, mlws: Mlws, monkeypatch: pytest.MonkeyPatch
) -> None:
    for title in ("Use one store", "Use two stores"):
        writing.decision(place, title)
    before = {path: path.read_text() for path in (place.root / "docs/adrs").iterdir()}

    def full(_layout: Layout, _kind: str) -> str:
        raise MlwsError("no space")

    monkeypatch.setattr(indexes, "renew", full)
    assert mlws("adr", "supersede", "one", "two").code == 1
    assert {path: path.read_text() for path in (place.root / "docs/adrs").iterdir()} == before
