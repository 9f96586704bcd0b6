"""Bad, hostile and doubtful metadata on any branch: named with its place, all others listed."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from mlws_scaffold.errors import UsageError
from mlws_scaffold.experiments.index import entries, listing, search
from mlws_scaffold.experiments.index.listing import Filters
from tests.support.commandline import Mlws
from tests.support.experiment_clones import Clone, metadata, team
from tests.support.template_repo import write

GOOD = metadata("broken", "bob")
PLACE = "side:experiments/active/bob/broken/metadata.yaml"


@pytest.fixture
def ann(tmp_path: Path) -> Clone:
    clone = team(tmp_path)
    clone.experiment("ann", "sound")
    clone.commit()
    return clone


def _ids(clone: Clone, filters: Filters | None = None) -> list[str]:
    with entries.everywhere(clone.layout) as found:
        rows = [json.loads(row) for row in listing.rows(found, filters or Filters())]
    return sorted(row["experiment_id"] for row in rows)


def _problems(clone: Clone) -> list[str]:
    with entries.everywhere(clone.layout) as found:
        return [str(problem) for problem in found.problems]


def _on_side(clone: Clone, text: str | bytes) -> None:
    """The text as bob's metadata, committed on a branch that is not checked out."""
    clone.git("switch", "--quiet", "-c", "side")
    clone.experiment("bob", "broken", text)
    clone.commit("2026-02-02T12:00:00+00:00")
    clone.git("switch", "--quiet", "main")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("experiment_id: [", ":2:1: is no YAML"),
        (GOOD.replace("status: in_progress", "status: 7"), ":4:1: status: unknown value 7"),
        (GOOD.replace("goal:", "gaol:"), ":5:1: gaol: unknown field (did you mean 'goal'?)"),
        (GOOD + "\tx: 1\n", ":6:1: is no YAML: a tab stands where YAML allows none"),
        (b"\x00\xff\xfe" * 99, ": is not UTF-8 at byte 1"),
        (b"# nothing\n", ":1:1: is empty"),
        (b"# " + b"x" * 10_000_000, ": is 10000 kB (keep it below 1000 kB; move data out)"),
        ("[" * 3000, ": is no"),
        ('x: !!python/object/apply:os.system ["touch /tmp/owned"]\n', "only plain values"),
        ("a: &a [1]\nb: &b [*a,*a]\n" + GOOD, "unknown field"),
    ],
)
def test_a_bad_file_on_another_branch_is_named_with_its_place(
    ann: Clone, text: str | bytes, said: str
) -> None:
    _on_side(ann, text)
    problems = _problems(ann)
    assert all(problem.startswith(PLACE) for problem in problems)
    assert said in " ".join(problems)
    assert _ids(ann) == ["sound-v1"]
    assert not Path("/tmp/owned").exists()


def test_a_link_on_another_branch_is_not_followed(ann: Clone, tmp_path: Path) -> None:
    secret = tmp_path / "secret.yaml"
    secret.write_text(GOOD)
    ann.git("switch", "--quiet", "-c", "side")
    folder = ann.root / "experiments/active/bob/broken"
    folder.mkdir(parents=True)
    (folder / "metadata.yaml").symlink_to(secret)
    assert "leads out of the workspace" in _problems(ann)[0]
    ann.commit()
    ann.git("switch", "--quiet", "main")
    assert _problems(ann) == [f"{PLACE}: is a link (keep the file itself here)"]
    assert _ids(ann) == ["sound-v1"]


def test_a_mistake_that_was_mended_later_is_none(ann: Clone) -> None:
    _on_side(ann, "status: [")
    assert len(_problems(ann)) == 1
    ann.git("switch", "--quiet", "-c", "mended", "side")
    ann.experiment("bob", "broken", GOOD)
    ann.commit("2026-03-01T12:00:00+00:00")
    assert _problems(ann) == []
    assert _ids(ann) == ["broken-v1", "sound-v1"]


def test_what_cannot_be_true_is_said_and_still_listed(ann: Clone) -> None:
    day = date.today() + timedelta(days=30)
    text = GOOD.replace("researcher: bob", "researcher: eve").replace("2026-01-05", str(day))
    _on_side(ann, text + "results: {best_metric: .nan}\n")
    assert [problem.removeprefix(PLACE) for problem in _problems(ann)] == [
        ":2:1: researcher: 'eve' in the folder of 'bob' (write bob, or move the folder)",
        f":3:1: created: {day} lies in the future (write the day it happened)",
        ":6:1: results: has no run_id (let it be written: mlws experiment sync)",
    ]
    assert _ids(ann) == ["broken-v1", "sound-v1"]


def test_an_id_used_on_two_branches_is_flagged_in_both(ann: Clone) -> None:
    _on_side(ann, GOOD.replace("broken-v1", "SOUND-v1".lower()))
    found = _problems(ann)
    assert len(found) == 2
    assert found[0].startswith("main:experiments/active/ann/sound/metadata.yaml:1:1:")
    assert "is also the id of experiments/active/ann/sound" in found[1]


def test_a_branch_without_its_commit_is_named_and_the_rest_listed(ann: Clone) -> None:
    (ann.root / ".git/refs/heads/lost").write_text("1" * 40 + "\n")
    assert "lost: its commit is missing here (git fetch)" in _problems(ann)
    assert _ids(ann) == ["sound-v1"]


def test_without_git_the_files_are_listed_and_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "mlws.toml").write_text('[workspace]\nname = "x"\n')
    clone = Clone(tmp_path)
    clone.experiment("ann", "sound")
    assert _ids(clone) == ["sound-v1"]
    with entries.everywhere(clone.layout) as found:
        assert found.notes == ("no git repository: only the files of this folder are known",)


def test_filters_fit_together(ann: Clone) -> None:
    _on_side(ann, GOOD + 'tags: [rag, "o\'clock"]\nowner: eve\n')
    assert _ids(ann, Filters(researcher="bob", tag="rag", owner="eve")) == ["broken-v1"]
    assert _ids(ann, Filters(tag="o'clock")) == ["broken-v1"]
    assert _ids(ann, Filters(tag="' or 1=1 --")) == []
    assert _ids(ann, Filters(branch="side")) == ["broken-v1"]
    assert _ids(ann, Filters(state="completed")) == []
    assert _ids(ann, Filters(stale=True)) == ["broken-v1", "sound-v1"]


@pytest.mark.parametrize(
    "words", ['chunk" OR x', "NEAR(chunk", "chunk*) AND", "title:chunk", "chunk'; drop table words"]
)
def test_words_of_a_search_are_never_operators(ann: Clone, words: str) -> None:
    with entries.everywhere(ann.layout) as found:
        assert [hit.experiment_id for hit in search.search(found, words)] == ["sound-v1"]
        with pytest.raises(UsageError, match="holds no word"):
            search.search(found, '"*()')


def test_learnings_and_readmes_are_found_on_every_branch(ann: Clone) -> None:
    ann.git("switch", "--quiet", "-c", "side")
    write(ann.root, {"docs/learnings/cache.md": "# Warm caches\n\nZebras prefer them.\n"})
    write(ann.root, {"experiments/active/ann/sound/README.md": "About giraffes.\n"})
    ann.commit("2026-03-02T12:00:00+00:00")
    ann.git("switch", "--quiet", "main")
    with entries.everywhere(ann.layout) as found:
        (zebra,) = search.search(found, "zebra")
        (giraffe,) = search.search(found, "giraffe")
    assert (zebra.kind, zebra.path, zebra.branch) == ("learning", "docs/learnings/cache.md", "side")
    assert (giraffe.experiment_id, giraffe.branch) == ("sound-v1", "side")


def test_one_experiment_is_shown_by_id_beginning_or_folder(
    ann: Clone, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _on_side(ann, GOOD)
    mlws = Mlws(ann.root, monkeypatch, capsys)
    for name in ("broken-v1", "brok", "bob/broken", "experiments/active/bob/broken/"):
        shown = json.loads(mlws("experiment", "show", name, "--json").out)
        assert (shown["branch"], shown["metadata"]["researcher"]) == ("side", "bob")
    assert "goal              Know which chunk size" in mlws("experiment", "show", "brok").out
    ended = mlws("experiment", "show", "brokn-v1")
    assert (ended.code, "did you mean 'broken-v1'?" in ended.err) == (2, True)


def test_the_list_is_one_json_document_and_one_table(
    ann: Clone, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _on_side(ann, "status: [")
    mlws = Mlws(ann.root, monkeypatch, capsys)
    data = json.loads(mlws("experiment", "list", "--json").out)
    assert [row["experiment_id"] for row in data["experiments"]] == ["sound-v1"]
    assert data["problems"][0]["path"] == PLACE
    ended = mlws("experiment", "list")
    assert ended.code == 0
    assert "sound-v1" in ended.out
    assert f"problem: {PLACE}:2:1: is no YAML" in ended.err


def test_near_hits_share_much_of_the_goal_and_never_fail(
    ann: Clone, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    near = search.similar(ann.layout, "chunks Which chunk size answers fastest")
    assert [hit.experiment_id for hit in near] == ["sound-v1"]
    assert search.similar(ann.layout, "tune the learning rate of a large model") == []
    monkeypatch.setenv("PATH", str(tmp_path))
    assert search.similar(ann.layout, "Which chunk size answers fastest") == []
