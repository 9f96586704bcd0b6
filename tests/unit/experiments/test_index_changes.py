"""What a cached index notices, and that it says what an index made afresh would say."""

from __future__ import annotations

import json
import os
import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlws_scaffold.adapters.git import Git, GitError
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.experiments.index import activity, entries, listing, watch
from mlws_scaffold.experiments.index.listing import Filters
from tests.support.experiment_clones import Clone, metadata, team
from tests.support.template_repo import write

# What is twice as likely comes first.
WHAT = ["write", "begin", "drop", "merge", "move", "amend"]
FOLDER = "experiments/active/ann/one"


@pytest.fixture
def ann(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clone:
    """Two committed experiments, and a cache that takes every file for one written long ago."""
    monkeypatch.setattr(watch, "_SETTLED_NS", -(10**12))
    clone = team(tmp_path)
    clone.experiment("ann", "one")
    clone.experiment("ann", "two")
    write(clone.root, {f"{FOLDER}/README.md": "# One\n"})
    clone.commit()
    return clone


def _rows(clone: Clone) -> dict[str, dict[str, object]]:
    with entries.everywhere(clone.layout) as found:
        rows = [json.loads(row) for row in listing.rows(found, Filters())]
    return {str(row["experiment_id"]): row for row in rows}


def _calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The git commands that are called from now on."""
    calls: list[str] = []
    attempt, pipes = Git.attempt, Git._pipes
    monkeypatch.setattr(Git, "attempt", lambda *a, **k: (calls.append(a[1]), attempt(*a, **k))[1])
    monkeypatch.setattr(Git, "_pipes", lambda *a: (calls.append(a[1]), pipes(*a))[1])
    return calls


def test_nothing_changed_and_git_is_asked_for_its_branches_alone(
    ann: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _rows(ann)
    calls = _calls(monkeypatch)
    assert _rows(ann) == before
    assert calls == ["for-each-ref"]


def test_a_young_file_is_never_trusted(ann: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_SETTLED_NS", 10**15)
    _rows(ann)
    calls = _calls(monkeypatch)
    _rows(ann)
    assert calls == ["for-each-ref", "--no-optional-locks"]


def _rewrite(root: Path) -> None:
    """As long as before, and its date set back: only the time of change tells."""
    path = root / FOLDER / "metadata.yaml"
    before = path.stat()
    path.write_text(path.read_text().replace("which", "whose"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    "change",
    [
        _rewrite,
        lambda root: (root / FOLDER / "README.md").write_text("# Two\n"),
        lambda root: (root / FOLDER / "README.md").unlink(),
        lambda root: (root / "experiments/active/ann/two/README.md").write_text("new"),
        lambda root: write(root, {"experiments/active/bob/x/metadata.yaml": metadata("x", "bob")}),
        lambda root: write(root, {"experiments/archive/ann/x/metadata.yaml": metadata("x", "ann")}),
        lambda root: (root / FOLDER).rename(root / "experiments/active/ann/other"),
        lambda root: Git(root).run("rm", "--quiet", "--cached", f"{FOLDER}/metadata.yaml"),
        lambda root: Git(root).run("branch", "side"),
    ],
)
def test_every_change_is_noticed(
    ann: Clone, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], object]
) -> None:
    _rows(ann)
    change(ann.root)
    calls = _calls(monkeypatch)
    _rows(ann)
    assert "--no-optional-locks" in calls


def test_a_file_that_is_ignored_no_more_is_found(ann: Clone) -> None:
    (ann.root / ".git/info/exclude").write_text("experiments/active/bob\n")
    ann.experiment("bob", "hidden")
    assert "hidden-v1" not in _rows(ann)
    (ann.root / ".git/info/exclude").write_text("")
    assert "hidden-v1" in _rows(ann)


def test_a_year_that_does_not_fit_and_folders_that_are_none_are_no_trouble(ann: Clone) -> None:
    write(ann.root, {"experiments/active/note.txt": "", "experiments/active/ann/note.txt": ""})
    os.utime(ann.root / FOLDER / "metadata.yaml", (10**11, 10**11))
    assert {*_rows(ann)} == {"one-v1", "two-v1"} == {*_rows(ann)}


def _step(clone: Clone, chance: random.Random, number: int) -> None:
    """Something that people do to a repository, and a commit."""
    branches = clone.git("branch", "--format=%(refname:short)").split()
    here = clone.git("branch", "--show-current")
    others = [branch for branch in branches if branch != here]
    day = f"@{1_770_000_000 + number * 4000} +0000"
    name = chance.choice(["one", "two", "three four"])
    folder, archive = f"experiments/active/ann/{name}", f"experiments/archive/ann/{name}"
    what = chance.choice([*WHAT, *WHAT[:4]])
    if what in ("write", "begin", "amend"):
        if what == "begin":
            clone.git("switch", "--quiet", "-c", f"b{number}")
        goal = f"Know it the {chance.randrange(3)}th way at last"
        clone.experiment("ann", name, metadata(name.replace(" ", "-"), "ann", goal))
    elif what == "move" and (clone.root / folder).exists():
        if not (clone.root / archive).exists():
            (clone.root / archive).parent.mkdir(parents=True, exist_ok=True)
            (clone.root / folder).rename(clone.root / archive)
    elif what == "merge" and others:
        git = Git(clone.root, ("user.name=Ann", "user.email=ann@example.org"))
        if not git.ok("merge", "--quiet", "--no-edit", chance.choice(others)):
            git.run("reset", "--quiet", "--hard")
    elif what == "drop" and others:
        clone.git("switch", "--quiet", chance.choice(others))
        clone.git("branch", "--quiet", "-D", here)
    if what == "amend":
        clone.git("reset", "--quiet", "--soft", "HEAD~1")
    clone.commit(day)


@pytest.mark.parametrize("seed", range(3))
def test_a_cache_kept_over_many_changes_says_what_a_new_one_says(
    ann: Clone, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    for number in range(16):
        _step(ann, chance, number)
        kept = _rows(ann)
        with monkeypatch.context() as patched:
            patched.setenv("XDG_STATE_HOME", str(tmp_path / f"fresh-{number}"))
            assert kept == _rows(ann)


@given(st.lists(st.integers(1, 400)))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_where_the_output_of_git_is_cut_makes_no_difference(ann: Clone, cuts: list[int]) -> None:
    class Cut(Git):
        def pieces(self, *arguments: str, stdin: str = "") -> Iterator[bytes]:
            output, at = b"".join(Git.pieces(self, *arguments, stdin=stdin)), 0
            for length in (*cuts, len(output)):
                yield output[at : at + length]
                at += length

    if len(ann.git("rev-list", "HEAD").split()) == 2:  # the same clone serves every example
        write(ann.root, {"docs/learnings/a b.md": "# A\n", "experiments/active/bob/x/y": "1"})
        ann.commit("2026-03-01T12:00:00+00:00")
        ann.commit("2026-03-02T12:00:00+00:00", "nothing")
    tip = ann.git("rev-parse", "HEAD")
    found = activity.since(Cut(ann.root), "", [tip], [], frozenset())
    assert [(path, time) for path, _, time in found] == [
        ("docs/learnings/a b.md", 1_772_366_400),
        ("experiments/active/bob/x", 1_772_366_400),
        ("experiments/active/ann/one", 1_769_947_200),
        ("experiments/active/ann/two", 1_769_947_200),
    ]


def test_an_archived_experiment_is_where_it_was_moved_to_last(ann: Clone) -> None:
    ann.git("switch", "--quiet", "-c", "close")
    (ann.root / "experiments/archive/ann").mkdir(parents=True)
    ann.git("mv", FOLDER, "experiments/archive/ann/one")
    ann.commit("2026-03-01T12:00:00+00:00")
    ann.git("switch", "--quiet", "main")
    row = _rows(ann)["one-v1"]
    assert (row["archived"], row["branch"]) == (True, "close")
    assert row["last_activity"] == "2026-03-01T12:00:00+00:00"


def test_versions_on_branches_are_dated_by_the_commit_that_wrote_them(ann: Clone) -> None:
    ann.git("switch", "--quiet", "-c", "side")
    ann.experiment("ann", "one", metadata("one", "ann", "Know it better than before"))
    ann.commit("2026-03-01T12:00:00+00:00")
    ann.git("switch", "--quiet", "main")
    ann.experiment("ann", "two", metadata("two", "ann", "Know the other better than before"))
    ann.commit("2026-03-02T12:00:00+00:00")
    rows = _rows(ann)
    assert (rows["one-v1"]["branch"], rows["two-v1"]["branch"]) == ("side", "main")
    assert rows["one-v1"]["last_activity"] == "2026-03-01T12:00:00+00:00"
    ann.git("branch", "--quiet", "-D", "side")
    assert _rows(ann)["one-v1"]["last_activity"] == "2026-02-01T12:00:00+00:00"


def test_names_that_no_line_can_hold_and_far_years_are_listed(ann: Clone) -> None:
    ann.experiment("ann", "three", metadata("three", "ann"))
    ann.commit("@99999999999999 +0000")
    write(ann.root, {"experiments/active/ann/a\nb/metadata.yaml": metadata("ab", "ann")})
    ann.commit("2026-03-01T12:00:00+00:00")
    ann.git("switch", "--quiet", "-c", "side")
    text = metadata("ab", "ann", "Know it better than before")
    write(ann.root, {"experiments/active/ann/a\nb/metadata.yaml": text})
    ann.commit("2026-03-02T12:00:00+00:00")
    rows = _rows(ann)
    assert {*rows} == {"one-v1", "two-v1", "three-v1", "ab-v1"}
    assert rows["three-v1"]["last_activity"] is None


def test_names_that_are_no_text_are_listed_committed_or_not(ann: Clone) -> None:
    folder = os.fsdecode(b"experiments/active/ann/\xff\xfe")
    try:
        write(ann.root, {f"{folder}/metadata.yaml": metadata("odd", "ann")})
    except OSError:
        pytest.skip("this file system takes no such name")
    for _ in range(2):
        assert _rows(ann)["odd-v1"]["folder"] == "experiments/active/ann/\ufffd\ufffd"
        ann.commit("2026-03-01T12:00:00+00:00")
    with (ann.root / ".git/packed-refs").open("ab") as file:
        file.write(ann.git("rev-parse", "HEAD").encode() + b" refs/heads/a\xff\n")
    ann.git("switch", "--quiet", "--orphan", "empty")
    ann.git("branch", "--quiet", "-D", "main")
    assert _rows(ann)["odd-v1"]["branch"] == "a\ufffd"


def test_a_last_change_in_the_future_is_said(ann: Clone) -> None:
    ann.experiment("ann", "one", metadata("one", "ann", "Know it before all others"))
    ann.commit("@4865016000 +0000")
    with entries.everywhere(ann.layout) as found:
        (problem,) = found.problems
    assert "main:experiments/active/ann/one" in problem.path
    assert "its last change lies in the future: 2124-03-02" in problem.message


def test_what_git_refuses_to_read_is_said_and_is_no_missing_repository(ann: Clone) -> None:
    (ann.root / ".git/config").write_text("[core\n")
    with pytest.raises(GitError, match="bad config"):
        _rows(ann)


def test_a_cache_that_breaks_while_it_is_read_goes(ann: Clone) -> None:
    _rows(ann)
    (path,) = Path(os.environ["XDG_STATE_HOME"]).rglob("index.sqlite")
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    with pytest.raises(MlwsError, match="was damaged"), entries.everywhere(ann.layout):
        raise error
    assert not path.exists()
    assert {*_rows(ann)} == {"one-v1", "two-v1"}
