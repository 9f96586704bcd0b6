"""`results` come from the best finished run; what people wrote around them stays."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlws_scaffold.adapters import files
from mlws_scaffold.errors import InvalidFile, Unavailable
from mlws_scaffold.experiments import results
from mlws_scaffold.experiments.index.entries import Entry
from mlws_scaffold.experiments.life import sync
from mlws_scaffold.experiments.results import Run
from mlws_scaffold.workspace.config import Workspace
from tests.support.commandline import Mlws
from tests.support.template_repo import write
from tests.unit.experiments.building import again, experiment, metadata, text, workspace

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def run(
    name: str,
    accuracy: float | None,
    *,
    status: str = "FINISHED",
    experiment: str = "chunking-v1",
    **tags: str,
) -> Run:
    """A recorded run; a tag's dots are written as two underscores."""
    given = {key.replace("__", "."): value for key, value in tags.items()}
    known = {"mlws.experiment_id": experiment, "mlws.git.commit": COMMIT, **given}
    measured = {"loss": 0.1} if accuracy is None else {"accuracy": accuracy, "loss": 0.1}
    start = datetime(2026, 3, 1, tzinfo=UTC)
    return Run(name, experiment, status, start, None, measured, {}, known)


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return workspace(tmp_path / "ws")


@pytest.fixture
def entry(place: Workspace) -> Entry:
    paper = "results:\n  # from the paper\n  best_metric: {em: 0.4}   # typed\n# the end\n"
    return experiment(place, more=paper)


def synced(place: Workspace, entry: Entry, *runs: Run, dirty: bool = False) -> sync.Synced:
    return sync.write(place, entry, runs, allow_dirty=dirty, dry=False)


def test_the_best_run_is_written_and_comments_stay(place: Workspace, entry: Entry) -> None:
    done = synced(place, entry, run("a", 0.8), run("b", 0.91), run("c", 0.85))
    assert not done.failed
    said = again(place).metadata.results
    assert said is not None
    assert (said.best_metric, said.metric, said.run_id, said.commit) == (
        0.91,
        "accuracy",
        "b",
        COMMIT,
    )
    assert said.synced_at is not None
    for comment in ("# About", "# never changes", "# from the paper", "# typed", "# the end"):
        assert comment in text(entry)


def test_the_metrics_stand_between_the_markers_and_nothing_else_moves(
    place: Workspace, entry: Entry
) -> None:
    before = text(entry, "results/summary.md")
    synced(place, entry, run("b", 0.91))
    after = text(entry, "results/summary.md")
    head, _, rest = after.partition("<!-- mlws:metrics -->\n")
    block, _, tail = rest.partition("<!-- /mlws:metrics -->")
    assert (head, tail) == (before.partition("<!-- mlws:metrics -->")[0], "\n")
    assert block == (
        "Best run: `b`, commit `0123456789ab`.\n\n| metric | value |\n|---|---|\n"
        "| accuracy | 0.91 |\n| loss | 0.1 |\n\nThe target of 0.9 was reached.\n"
    )


def test_a_second_sync_writes_nothing(place: Workspace, entry: Entry) -> None:
    synced(place, entry, run("b", 0.91))
    before = text(entry)
    assert synced(place, again(place), run("b", 0.91)).wrote == ()
    assert text(entry) == before


def test_a_smaller_value_wins_where_it_should(place: Workspace) -> None:
    entry = experiment(place)
    path = entry.folder / "metadata.yaml"
    path.write_text(metadata("chunking").replace("maximize, target: 0.9", "minimize, target: 0.2"))
    done = synced(place, again(place), run("a", 0.3), run("b", 0.4))
    assert done.run is not None
    assert done.run.run_id == "a"
    assert "The target of 0.2 was not reached." in text(entry, "results/summary.md")


@pytest.mark.parametrize(
    ("runs", "why"),
    [
        ((), "no run in MLflow's experiment 'chunking-v1'"),
        ((run("a", 0.9, status="RUNNING"),), "none of 1 runs is finished"),
        ((run("a", None),), "no finished run has the metric 'accuracy'"),
        ((run("a", math.nan),), "no finished run has the metric 'accuracy'"),
        ((run("a", 0.9, mlws__git__dirty="true"),), "every finished run had uncommitted changes"),
        ((run("a", 0.9, mlws__experiment_id="other"),), "no run in MLflow's experiment"),
    ],
)
def test_what_is_no_result_says_why_and_changes_nothing(
    place: Workspace, entry: Entry, runs: tuple[Run, ...], why: str
) -> None:
    before = text(entry), text(entry, "results/summary.md")
    done = synced(place, entry, *runs)
    assert done.failed
    assert done.why.startswith(why)
    assert (text(entry), text(entry, "results/summary.md")) == before


def test_without_a_primary_metric_nobody_can_say_what_is_best(place: Workspace) -> None:
    entry = experiment(place)
    (entry.folder / "metadata.yaml").write_text(metadata("chunking").replace("primary_", "x_"))
    assert "no primary_metric" in synced(place, again(place), run("a", 0.9)).why


def test_dirty_runs_count_only_when_asked_for(place: Workspace, entry: Entry) -> None:
    runs = run("clean", 0.8), run("dirty", 0.9, mlws__git__dirty="true")
    done = synced(place, entry, *runs)
    assert done.run is not None
    assert done.run.run_id == "clean"
    done = synced(place, again(place), *runs, dirty=True)
    assert done.run is not None
    assert done.run.run_id == "dirty"
    assert "with uncommitted changes" in text(entry, "results/summary.md")


def test_the_commit_of_a_bare_run_is_mlflows_own(place: Workspace, entry: Entry) -> None:
    bare = Run(
        "bare",
        "chunking-v1",
        "FINISHED",
        datetime(2026, 3, 1, tzinfo=UTC),
        None,
        {"accuracy": 0.7},
        {},
        {"mlflow.source.git.commit": COMMIT},
    )
    synced(place, entry, bare)
    said = again(place).metadata.results
    assert said is not None
    assert said.commit == COMMIT


def test_a_hostile_metric_name_breaks_no_table(place: Workspace, entry: Entry) -> None:
    best = run("b", 0.9)
    best = Run(**{**{name: getattr(best, name) for name in best.__slots__}, "metrics": {
        "accuracy": 0.9, "a|b\n<!-- /mlws:metrics -->": 1.0}})  # fmt: skip
    synced(place, entry, best)
    after = text(entry, "results/summary.md")
    assert after.count("<!-- /mlws:metrics -->") == 1
    assert "| a\\|b &lt;!-- /mlws:metrics --> | 1 |" in after


def test_a_crash_between_the_two_files_is_mended_by_a_repeat(
    place: Workspace, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = files.write

    def only_summary(path: Path, content: str | bytes) -> None:
        if path.name == "metadata.yaml":
            raise KeyboardInterrupt
        real(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(files, "write", only_summary)
        with pytest.raises(KeyboardInterrupt):
            synced(place, entry, run("b", 0.91))
    assert again(place).metadata.results == entry.metadata.results
    done = synced(place, again(place), run("b", 0.91))
    assert done.wrote == ("experiments/active/ann/chunking/metadata.yaml",)


def test_without_markers_the_summary_is_the_persons(place: Workspace, entry: Entry) -> None:
    path = entry.folder / "results/summary.md"
    path.write_text("All mine\n")
    done = synced(place, entry, run("b", 0.91))
    assert "has no markers" in done.remarks[0]
    assert path.read_text() == "All mine\n"
    path.write_bytes(b"\xff")
    with pytest.raises(InvalidFile, match="UTF-8"):
        synced(place, again(place), run("c", 0.95))


def test_the_file_and_mlflow_are_compared(place: Workspace, entry: Entry) -> None:
    synced(place, entry, run("b", 0.91))
    said = again(place).metadata
    assert sync.disagreements(said, [run("b", 0.91)]) == ([], [])
    assert sync.disagreements(said, [run("b", 0.91), run("c", 0.95)]) == (
        [],
        ["run c is better by now"],
    )
    wrong, _ = sync.disagreements(said, [run("b", 0.5, mlws__git__commit="f" * 40)])
    assert wrong == [
        "accuracy is 0.91 here, 0.5 in b",
        f"commit is {COMMIT} here, {'f' * 40} in b",
    ]
    assert "not in MLflow" in sync.disagreements(said, [])[0][0]


@pytest.fixture
def mlws(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Mlws:
    """The command, where the store holds one run of `chunking`."""
    found = [run("b", 0.91)]

    def search(_place: Workspace, names: object = None) -> list[Run]:
        return found

    monkeypatch.setattr(results, "runs_of", search)
    return Mlws(place.root, monkeypatch, capsys)


def test_a_named_experiment_that_cannot_be_synced_exits_with_1(
    place: Workspace, entry: Entry, mlws: Mlws
) -> None:
    experiment(place, "rerank")
    ended = mlws("experiment", "sync", "rerank-v1")
    assert ended.code == 1
    assert ended.out == "rerank-v1: not synced: no run in MLflow's experiment 'rerank-v1'\n"


def test_all_of_them_at_once(place: Workspace, entry: Entry, mlws: Mlws) -> None:
    experiment(place, "rerank")
    folder = "experiments/active/ann"
    dry = mlws("experiment", "sync", "--all", "--dry-run")
    assert dry.code == 0
    assert f"(would write {folder}/chunking/results/summary.md, {folder}/" in dry.out
    assert again(place).metadata.results == entry.metadata.results
    ended = mlws("experiment", "sync", "--all")
    assert ended.code == 0
    assert ended.out.splitlines() == [
        "chunking-v1: accuracy 0.91 of run b",
        "rerank-v1: not synced: no run in MLflow's experiment 'rerank-v1'",
    ]
    assert "(up to date)" in mlws("experiment", "sync", "chunking-v1").out


def test_a_broken_neighbour_is_named_and_the_others_are_synced(
    place: Workspace, entry: Entry, mlws: Mlws
) -> None:
    write(place.root, {"experiments/active/ann/bad/metadata.yaml": "status: [\n"})
    ended = mlws("experiment", "sync", "--all")
    assert ended.code == 1
    assert "experiments/active/ann/bad/metadata.yaml:2:1" in ended.err
    said = again(place).metadata.results
    assert said is not None
    assert said.run_id == "b"


def test_an_unreachable_store_is_no_verdict(
    place: Workspace, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Unavailable):
        sync.runs(place, [entry])
