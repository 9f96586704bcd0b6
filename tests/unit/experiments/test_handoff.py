"""Handing over: the measurable is written, people are asked for the rest, the receiver accepts."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from mlws_scaffold.adapters import files
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import InvalidFile, MlwsError, UsageError
from mlws_scaffold.experiments import results
from mlws_scaffold.experiments.index.entries import Entry
from mlws_scaffold.experiments.life import handoff
from mlws_scaffold.experiments.life.handoff import Evidence
from mlws_scaffold.workspace.config import Workspace
from tests.support.commandline import Mlws
from tests.support.template_repo import commit, write
from tests.unit.experiments.building import again, experiment, text, workspace
from tests.unit.experiments.test_sync import COMMIT, run

FOLDER = "experiments/active/ann/chunking"
DATA = f"data:\n  - {{name: medqa, uri: 'file:///nas/medqa', sha256: {'a' * 64}}}\n"
WHY_NOT = Evidence(why_not="No GPU\nhere")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    return workspace(tmp_path / "ws")


@pytest.fixture
def entry(place: Workspace) -> Entry:
    return experiment(place, more=DATA)


def store(monkeypatch: pytest.MonkeyPatch, *runs: results.Run) -> None:
    monkeypatch.setattr(results, "runs_of", lambda _place, _names=None: list(runs))


def gh(place: Workspace, script: str) -> None:
    """A `gh` that answers so."""
    path = place.root.parent / "tools/gh"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def fill(entry: Entry) -> None:
    """Answer every question."""
    path = entry.folder / handoff.FILE
    lines = [
        "Small chunks." if "mlws:fill" in line else line for line in path.read_text().splitlines()
    ]
    path.write_text("\n".join(lines) + "\n")


def as_mike(place: Workspace) -> None:
    Git(place.root).run("config", "user.email", "Mike@example.org")


def section(text: str, title: str) -> str:
    return text.partition(f"## {title}\n\n")[2].partition("\n\n## ")[0]


def test_everything_that_is_known_is_written(
    place: Workspace, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = write_lock(place)
    gh(place, """echo '[{"number": 7, "url": "https://example.org/pull/7"}]'""")
    best = run("bb", 0.91, mlws__command="python train.py --config config.yaml --set seed=3")
    best = replace(best, tags={**best.tags, "mlws.data.medqa.sha256": "b" * 64})
    store(monkeypatch, run("aa", 0.8), best)
    said = handoff.write(place, entry, "mike").text
    assert "| From | ann |\n| To | mike |\n" in said
    assert "| Status | in_progress |" in said
    assert section(said, "Best result") == (
        f"accuracy 0.91 (target 0.9), to maximize. Run `bb`, commit `{COMMIT}`."
    )
    assert section(said, "Reproduce").splitlines() == [
        "```bash",
        "uv run mlws reproduce bb",
        "# The same by hand:",
        f"git worktree add ../ws-{COMMIT[:8]} {COMMIT}",
        f"cd ../ws-{COMMIT[:8]}/{FOLDER}",
        "uv run --locked python train.py --config config.yaml --set seed=3",
        "```",
    ]
    assert f"`uv.lock`, sha256 `{lock}`" in section(said, "Environment")
    assert f"- medqa: `file:///nas/medqa`, sha256 `{'a' * 64}`" in section(said, "Data")
    assert f"- medqa in the best run: sha256 `{'b' * 64}`" in section(said, "Data")
    assert "- Pull request: #7 https://example.org/pull/7" in section(said, "Open")
    assert "- Cost so far: not measured: no GPU store yet" in section(said, "Open")
    assert section(said, "Contacts").splitlines() == [
        "- ann: Ann, researcher@example.org",
        "- mike: mike@example.org, @mike-x",
    ]
    assert text(entry, handoff.FILE) == said


def write_lock(place: Workspace) -> str:
    (place.root / "uv.lock").write_text("version = 1\n")
    return hashlib.sha256(b"version = 1\n").hexdigest()


def test_files_are_in_the_order_of_the_work_put_into_them(place: Workspace, entry: Entry) -> None:
    write(place.root, {f"{FOLDER}/train.py": "".join(f"step({n})\n" for n in range(30))})
    commit(place.root, "Train for real")
    (entry.folder / "old.py").write_text("gone\n" * 99)
    commit(place.root, "Old")
    (entry.folder / "old.py").unlink()
    commit(place.root, "Gone")
    rows = section(
        handoff.write(place, entry, "mike", dry=True).text, "Files, most worked on first"
    )
    assert rows.splitlines()[2] == "| `train.py` | 2 | 32 |"
    assert "old.py" not in rows
    assert "outputs" not in rows


def test_what_was_not_measured_says_why(place: Workspace, entry: Entry) -> None:
    said = handoff.write(place, entry, "mike", dry=True).text
    assert section(said, "Best result").startswith("not measured: the tracking store cannot be")
    assert section(said, "Reproduce").startswith("not measured: ")
    assert "Lock: not measured: no uv.lock" in said
    assert "Pull request: not measured: gh is not installed" in said
    assert not (entry.folder / handoff.FILE).exists()


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'run gh auth login' >&2; exit 4", "not measured: gh says run gh auth login"),
        ("echo '<html>'", "not measured: Expecting value"),
        ("echo '[]'", "none from develop"),
    ],
)
def test_gh_that_cannot_say_is_no_failure(
    place: Workspace, entry: Entry, script: str, said: str
) -> None:
    gh(place, script)
    written = handoff.write(place, entry, "mike", dry=True).text
    assert f"- Pull request: {said}" in written


def test_the_best_run_may_be_dirty_when_there_is_no_other(
    place: Workspace, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(monkeypatch, run("aa", 0.9, mlws__git__dirty="true"))
    said = handoff.write(place, entry, "mike", dry=True).text
    assert "with uncommitted changes" in section(said, "Best result")
    assert "apply its artifact `mlws/diff.patch`" in said


def test_the_receiver_has_to_be_somebody_else_of_the_team(place: Workspace, entry: Entry) -> None:
    with pytest.raises(UsageError) as caught:
        handoff.write(place, entry, "mik")
    assert caught.value.cure.startswith("did you mean 'mike'?")
    with pytest.raises(UsageError, match="owner already"):
        handoff.write(place, entry, "ann")


def test_answers_stay_when_it_is_written_again(place: Workspace, entry: Entry) -> None:
    handoff.write(place, entry, "mike")
    path = entry.folder / handoff.FILE
    question = "<!-- mlws:fill What can the next person rely on? -->"
    path.write_text(path.read_text().replace(question, "Chunks of 256.\n\nReally."))
    said = handoff.write(place, entry, "mike").text
    assert section(said, "What works") == "Chunks of 256.\n\nReally."
    assert said.count("mlws:fill") == 2


def test_a_file_that_is_not_ours_is_left_alone(place: Workspace, entry: Entry) -> None:
    write(place.root, {f"{FOLDER}/{handoff.FILE}": "My own notes\n"})
    with pytest.raises(MlwsError, match="not written by this command"):
        handoff.write(place, entry, "mike")
    assert text(entry, handoff.FILE) == "My own notes\n"


def test_nobody_accepts_while_questions_are_open(place: Workspace, entry: Entry) -> None:
    handoff.write(place, entry, "mike")
    as_mike(place)
    with pytest.raises(InvalidFile) as caught:
        handoff.accept(place, entry, WHY_NOT)
    assert len(caught.value.problems) == 3
    assert again(place).metadata.owner is None


def test_only_the_receiver_accepts(place: Workspace, entry: Entry) -> None:
    handoff.write(place, entry, "mike")
    fill(entry)
    with pytest.raises(UsageError, match="you are ann, and this handoff is for mike"):
        handoff.accept(place, entry, WHY_NOT)
    assert again(place).metadata.owner is None


def test_accepting_records_it_and_sets_the_owner(place: Workspace, entry: Entry) -> None:
    handoff.write(place, entry, "mike")
    fill(entry)
    as_mike(place)
    before = text(entry)
    said = handoff.accept(place, entry, WHY_NOT).text
    assert "Accepted by mike on 2" in section(said, "Acceptance")
    assert section(said, "Acceptance").endswith("Not reproduced: No GPU here\n")
    assert text(entry) == before + "owner: mike\n"
    with pytest.raises(MlwsError, match="accepted already"):
        handoff.accept(place, again(place), WHY_NOT)


def test_a_reproduction_is_a_finished_run_of_this_experiment(
    place: Workspace, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    handoff.write(place, entry, "mike")
    fill(entry)
    as_mike(place)
    other = run("other", 0.9, mlws__experiment_id="else")
    store(monkeypatch, run("mine", 0.9), run("half", 0.9, status="FAILED"), other)
    for wrong in (Evidence("nothing"), Evidence("half"), Evidence("other"), Evidence()):
        with pytest.raises(UsageError):
            handoff.accept(place, entry, wrong)
    said = handoff.accept(place, entry, Evidence("mine")).text
    assert "Reproduced by run `mine`: accuracy 0.9." in said


def test_a_crash_before_the_owner_is_set_is_mended_by_a_repeat(
    place: Workspace, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    handoff.write(place, entry, "mike")
    fill(entry)
    as_mike(place)
    real = files.write

    def only_handoff(path: Path, content: str | bytes) -> None:
        if path.name == "metadata.yaml":
            raise KeyboardInterrupt
        real(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(files, "write", only_handoff)
        with pytest.raises(KeyboardInterrupt):
            handoff.accept(place, entry, WHY_NOT)
    assert again(place).metadata.owner is None
    said = handoff.accept(place, again(place), WHY_NOT).text
    assert again(place).metadata.owner == "mike"
    assert said.count("Accepted by") == 1


def test_a_second_handoff_waits_until_the_first_is_committed(
    place: Workspace, entry: Entry
) -> None:
    handoff.write(place, entry, "mike")
    fill(entry)
    as_mike(place)
    handoff.accept(place, entry, WHY_NOT)
    with pytest.raises(MlwsError, match="in no commit"):
        handoff.write(place, again(place), "ann")
    commit(place.root, "Take over")
    assert "mlws:fill" in handoff.write(place, again(place), "ann").text


def test_the_command(
    place: Workspace,
    entry: Entry,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    mlws = Mlws(place.root, monkeypatch, capsys)
    assert mlws("experiment", "handoff", "chunking-v1").code == 2
    assert mlws("experiment", "handoff", "chunking-v1", "--accept").code == 1
    dry = mlws("experiment", "handoff", "chunking-v1", "--to", "mike", "--dry-run")
    assert dry.out.startswith("# Handoff of chunking-v1\n")
    ended = mlws("experiment", "handoff", "ann/chunking", "--to", "mike")
    assert (ended.code, ended.out.splitlines()[0]) == (0, f"wrote {FOLDER}/HANDOFF.md")
    fill(entry)
    ended = mlws(
        "experiment", "handoff", "chunking-v1", "--accept", "--researcher", "mike",
        "--not-reproduced", "no GPU here",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert again(place).metadata.owner == "mike"
