"""Two people, two clones, branches that nobody merged: each finds the other's experiments."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import UsageError
from mlws_scaffold.experiments import find
from mlws_scaffold.experiments.index import entries, listing, search, watch
from mlws_scaffold.experiments.index.listing import Filters
from mlws_scaffold.workspace.config import load
from tests.support.commandline import Mlws
from tests.support.experiment_clones import Clone, another, metadata, team


def _rows(clone: Clone) -> dict[str, dict[str, object]]:
    with entries.everywhere(clone.layout) as found:
        rows = [json.loads(row) for row in listing.rows(found, Filters())]
    return {str(row["experiment_id"]): row for row in rows}


def test_each_finds_the_others_experiment_after_a_fetch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ann = team(tmp_path)
    bob = another(tmp_path, "second")
    for clone, who, name in ((ann, "ann", "chunking"), (bob, "bob", "reranker")):
        clone.git("switch", "--quiet", "-c", f"experiment/{who}/{name}")
        clone.experiment(who, name)
        clone.commit()
        clone.push()
    for clone in (ann, bob):
        clone.git("fetch", "--quiet")
    assert _rows(ann)["reranker-v1"]["branch"] == "origin/experiment/bob/reranker"
    assert _rows(bob)["chunking-v1"]["branch"] == "origin/experiment/ann/chunking"
    assert not (ann.root / "experiments/active/bob").exists()
    found = json.loads(Mlws(ann.root, monkeypatch, capsys)(
        "experiment", "search", "reranker", "--json").out)  # fmt: skip
    assert [hit["experiment_id"] for hit in found] == ["reranker-v1"]


@pytest.mark.parametrize("named", ["reranker-v1", "reranker", "bob/reranker"])
def test_who_names_an_experiment_of_another_branch_is_told_the_way(
    tmp_path: Path, named: str
) -> None:
    ann = team(tmp_path)
    bob = another(tmp_path, "second")
    bob.git("switch", "--quiet", "-c", "experiment/bob/reranker")
    bob.experiment("bob", "reranker")
    bob.commit()
    bob.push()
    ann.git("fetch", "--quiet")
    with pytest.raises(UsageError, match="in the working tree") as caught:
        find.experiment(load(ann.root), named, ann.root)
    way = "git switch --track origin/experiment/bob/reranker"
    assert caught.value.cure == f"it is on another branch: {way}"
    ann.git(*way.removeprefix("git ").split())
    assert find.experiment(load(ann.root), named, ann.root).folder.name == "reranker"


def test_the_newest_version_wins_wherever_it_is(tmp_path: Path) -> None:
    ann = team(tmp_path)
    ann.experiment("ann", "chunking")
    ann.commit("2026-01-10T12:00:00+00:00")
    ann.git("switch", "--quiet", "-c", "experiment/ann/chunking")
    ann.experiment("ann", "chunking", metadata("chunking", "ann", "Know it better than before"))
    ann.commit("2026-03-01T12:00:00+00:00")
    ann.git("switch", "--quiet", "main")
    ann.commit("2026-04-01T12:00:00+00:00", "something else")
    row = _rows(ann)["chunking-v1"]
    assert row["goal"] == "Know it better than before"
    assert row["branch"] == "experiment/ann/chunking"
    assert row["last_activity"] == "2026-03-01T12:00:00+00:00"
    assert row["stale"] is True


def test_uncommitted_work_counts_and_is_marked(tmp_path: Path) -> None:
    ann = team(tmp_path)
    ann.experiment("ann", "chunking")
    ann.commit()
    assert _rows(ann)["chunking-v1"]["uncommitted"] is False
    ann.experiment("ann", "chunking", metadata("chunking", "ann", "Written but not committed"))
    ann.experiment("ann", "fresh")
    found = _rows(ann)
    assert found["chunking-v1"]["goal"] == "Written but not committed"
    assert found["chunking-v1"]["uncommitted"] is True
    assert found["fresh-v1"]["uncommitted"] is True
    ann.commit()
    assert _rows(ann)["fresh-v1"]["uncommitted"] is False


def test_an_archived_experiment_is_listed_once_and_a_deleted_branch_leaves_nothing(
    tmp_path: Path,
) -> None:
    ann = team(tmp_path)
    folder = ann.experiment("ann", "chunking")
    ann.commit("2026-01-10T12:00:00+00:00")
    ann.git("switch", "--quiet", "-c", "close")
    (ann.root / "experiments/archive/ann").mkdir(parents=True)
    ann.git("mv", folder, "experiments/archive/ann/chunking")
    ann.experiment("ann", "gone")
    ann.commit("2026-01-20T12:00:00+00:00")
    ann.git("switch", "--quiet", "main")
    rows = _rows(ann)
    assert {*rows} == {"chunking-v1", "gone-v1"}
    ann.git("branch", "--quiet", "-D", "close")
    assert {*_rows(ann)} == {"chunking-v1"}


def test_a_shallow_clone_says_what_it_cannot_know(tmp_path: Path) -> None:
    ann = team(tmp_path)
    ann.experiment("ann", "chunking")
    ann.commit()
    ann.commit("2026-05-01T12:00:00+00:00", "something else")
    ann.push()
    cut = another(tmp_path, "cut", "--depth", "1")
    with entries.everywhere(cut.layout) as found:
        assert "shallow" in found.notes[0]
    assert _rows(cut)["chunking-v1"]["last_activity"] is None
    assert _rows(cut)["chunking-v1"]["stale"] is None
    cut.git("fetch", "--quiet", "--unshallow")
    assert _rows(cut)["chunking-v1"]["last_activity"] == "2026-02-01T12:00:00+00:00"


def _fetches(trace: Path) -> int:
    """How often git fetched, by its own account."""
    events = [json.loads(line) for line in trace.read_text().splitlines()]
    return sum(event["event"] == "start" and "fetch" in event["argv"] for event in events)


def test_a_clone_without_old_files_fetches_them_together_or_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = team(tmp_path)
    ann.git("switch", "--quiet", "-c", "side")
    for number in range(12):
        folder = ann.experiment("ann", f"e{number}")
        (ann.root / folder / "README.md").write_text(f"# Zebra {number}\n")
    ann.commit()
    ann.push()
    bare = tmp_path / "team.git"
    Git(bare).run("config", "uploadpack.allowFilter", "true")
    cut = another(tmp_path, "cut", "--filter=blob:none")
    bare.rename(tmp_path / "away.git")
    with entries.everywhere(cut.layout) as found:
        assert len(found.problems) == 12
        assert "its content is missing here" in found.problems[0].message
    (tmp_path / "away.git").rename(bare)
    monkeypatch.setenv("GIT_TRACE2_EVENT", str(tmp_path / "trace"))
    assert len(_rows(cut)) == 12
    assert _fetches(tmp_path / "trace") == 2  # all metadata, then all READMEs
    with entries.everywhere(cut.layout) as found:
        assert len(search.search(found, "zebra")) == 12


def test_an_experiment_more_needs_no_process_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = team(tmp_path)
    log = tmp_path / "calls"
    real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout
    wrapper = tmp_path / "bin/git"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\necho "$*" >> {log}\nexec {real.strip()} "$@"\n')
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(watch, "_SETTLED_NS", -(10**12))  # as if all had been written long ago
    counts = []
    for number in (1, 40):
        for each in range(number):
            ann.experiment("ann", f"e{number}x{each}")
        ann.commit()
        with monkeypatch.context() as patched:
            patched.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")
            for _ in range(2):
                log.write_text("")
                _rows(ann)
                counts.append(len(log.read_text().splitlines()))
    # Branches; then the status, the objects, the log, and what went when a branch moved.
    assert counts == [4, 1, 5, 1]


@pytest.mark.parametrize("moment", ["dated", "problems", "fingerprint"])
def test_killed_while_it_writes_the_cache_is_usable_afterwards(tmp_path: Path, moment: str) -> None:
    ann = team(tmp_path)
    ann.experiment("ann", "before")
    ann.commit()
    _rows(ann)
    ann.experiment("ann", "chunking")
    ann.commit("2026-03-01T12:00:00+00:00")
    code = (
        "import os; from pathlib import Path\n"
        "from mlws_scaffold.experiments.index import cache, entries\n"
        "from mlws_scaffold.workspace.layout import Layout\n"
        "keep = cache.remember\n"
        "def die(connection, name, text):\n"
        f"    keep(connection, name, text)\n    if name == {moment!r}: os.kill(os.getpid(), 9)\n"
        "cache.remember = die\n"
        f"with entries.everywhere(Layout(Path({str(ann.root)!r}))): pass\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], check=False)
    assert ended.returncode == -signal.SIGKILL
    rows = _rows(ann)
    assert {*rows} == {"before-v1", "chunking-v1"}
    assert rows["chunking-v1"]["last_activity"] == "2026-03-01T12:00:00+00:00"


@pytest.mark.parametrize("damage", ["junk", "half", "hole", "empty", "folder"])
def test_a_broken_cache_is_made_again(tmp_path: Path, damage: str) -> None:
    ann = team(tmp_path)
    ann.experiment("ann", "chunking")
    ann.commit()
    _rows(ann)
    (path,) = Path(os.environ["XDG_STATE_HOME"]).rglob("index.sqlite")
    content = path.read_bytes()
    if damage == "folder":
        path.unlink()
        path.mkdir()
    else:
        hole = content[:5000] + b"\xff" * 20000 + content[25000:]
        made = {"junk": b"junk" * 999, "half": content[: len(content) // 2], "hole": hole}
        path.write_bytes(made.get(damage, b""))
    ann.experiment("ann", "second")
    assert {*_rows(ann)} == {"chunking-v1", "second-v1"}


def test_a_new_experiment_names_what_is_like_it_before_it_is_made(tmp_path: Path) -> None:
    ann = team(tmp_path)
    ann.git("switch", "--quiet", "-c", "experiment/ann/chunking")
    ann.experiment("ann", "chunking")
    ann.commit()
    ann.git("switch", "--quiet", "main")
    config = ann.root / "mlws.toml"
    config.write_text(config.read_text() + '[team.ann]\nemail = "researcher@example.org"\n')
    new = [Path(sys.executable).with_name("mlws-new"), "experiment", "chunks", "--no-branch"]
    goal = "Find which chunk size answers fastest"
    done = subprocess.run(
        [*new, "--defaults", "--goal", goal],
        cwd=ann.root,
        capture_output=True,
        text=True,
        check=True,
    )
    said = "note: similar: chunking-v1 (in_progress): Know which chunk size answers best"
    assert said in done.stderr
    assert "on experiment/ann/chunking]" in done.stderr
    assert (ann.root / "experiments/active/ann/chunks/metadata.yaml").exists()
