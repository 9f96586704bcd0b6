"""`mlws run --sweep` on a real store: what it makes, what it skips, what it refuses."""

from __future__ import annotations

import csv
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.workspace import state
from tests.support import run_workspace, sweep_workspace
from tests.support.commandline import Mlws
from tests.support.run_workspace import FOLDER, artifact, rows, tags
from tests.support.sweep_workspace import gate, let_go, parents, points, started
from tests.support.template_repo import commit, write

pytestmark = pytest.mark.slow

SWEEP = "method: grid\nparameters:\n  model.size: {values: [1, 2, 3]}\n"
LIGHT = ("--sweep", "sweep.yaml", "--", "--light")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = sweep_workspace.make(tmp_path / "ws", SWEEP)
    monkeypatch.setenv("GATE", str(gate(made)))
    let_go(made)
    return made


@pytest.fixture
def mlws(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mlws:
    return Mlws(root, monkeypatch, capsys)


def test_every_point_with_every_seed_is_a_recorded_run_and_the_best_comes_first(
    root: Path, mlws: Mlws
) -> None:
    write(root, {f"{FOLDER}/sweep.yaml": f"{SWEEP}seeds: [1, 4]\n"})
    planned = run_workspace.METADATA.replace("in_progress", "planned")
    write(root, {f"{FOLDER}/metadata.yaml": planned})
    commit(root, "Plan")
    ended = mlws("run", "first", "--parallel", "3", *LIGHT)
    assert ended.code == 0, ended.err
    assert ended.err.count("planned -> in_progress") == 1
    [parent] = parents(root)
    found = points(root, parent)
    assert len(found) == 6
    assert {status for _, status, _ in found} == {"FINISHED"}
    assert {name for name, _, _ in found} >= {"model.size=3 seed=4", "model.size=1 seed=1"}
    head = Git(root).run("rev-parse", "HEAD")
    for name, _, run in found:
        own = tags(root, run)
        assert own["mlws.git.commit"] == own["mlws.git.snapshot"] == head
        assert f"--set {name.split()[0]} --set {name.split()[1]} --light" in own["mlws.command"]
        assert own["mlws.seed"] == name[-1]
        size = (root / FOLDER / "outputs" / run[:8] / "model.txt").read_text()
        assert f"model.size={size} " in name
        assert Git(root).run("rev-parse", f"refs/mlws/runs/{run}") == head
    about = tags(root, parent)
    assert about["mlws.sweep.best_point"] == "model.size=3"
    assert float(about["mlws.sweep.best_value"]) == pytest.approx(0.325)
    assert "mlws.config_hash" not in about
    with artifact(root, parent, "mlws/sweep.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [row["model.size"] for row in table] == ["3", "3", "2", "2", "1", "1"]
    assert [float(row["accuracy"]) for row in table[:2]] == pytest.approx([0.31, 0.34])
    assert ET.parse(artifact(root, parent, "mlws/sweep.svg")).getroot().tag.endswith("svg")
    [page] = (root / FOLDER / "results").glob("sweep-*.md")
    assert "with model.size=3, run" in page.read_text()
    assert page.with_suffix(".svg").is_file()
    place = state.folder(root)
    assert list((place / "worktrees").iterdir()) == list((place / "runs").glob("*.json")) == []
    log = place / "runs" / f"{found[0][2]}.log"
    assert log.read_text().startswith("trained with")


def test_a_complete_sweep_is_shown_again_and_runs_nothing(root: Path, mlws: Mlws) -> None:
    first = mlws("run", "first", *LIGHT)
    assert first.code == 0, first.err
    before = rows(root, "select run_uuid, end_time from runs order by 1")
    again = mlws("run", "first", *LIGHT)
    assert (again.code, again.out) == (0, first.out)
    assert rows(root, "select run_uuid, end_time from runs order by 1") == before
    listed = mlws("experiment", "runs").out.splitlines()
    assert "sweep: 3 of 3 points, best accuracy 0.31" in listed[1]
    assert [line.startswith("- ") for line in listed[1:]] == [False, True, True, True]
    found = json.loads(mlws("experiment", "runs", "--json").out)
    [parent] = parents(root)
    assert [run["sweep"] for run in found] == [parent, parent, parent, None]
    assert [run["is_sweep"] for run in found] == [False, False, False, True]
    refused = mlws("reproduce", parent)
    assert refused.code == 2
    assert f"mlws reproduce {tags(root, parent)['mlws.sweep.best_run']}" in refused.err


def test_a_failing_point_does_not_stop_the_others_and_is_tried_again(
    root: Path, mlws: Mlws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAILING", "2")
    ended = mlws("run", "first", *LIGHT)
    assert ended.code == 1, ended.err
    assert "2 of 3 runs are there; best accuracy 0.31 with model.size=3" in ended.out
    assert "go on with: mlws run" in ended.err
    [parent] = parents(root)
    assert [status for _, status, _ in points(root, parent)] == ["FINISHED", "FAILED", "FINISHED"]
    assert rows(root, f"select status from runs where run_uuid = '{parent}'") == [("FAILED",)]
    last = ended.out.splitlines()[3].split()
    assert last[:3] == ["2", "2", "-"]  # what it logged before it failed is no result
    assert "failed" in last
    monkeypatch.delenv("FAILING")
    assert mlws("run", "first", *LIGHT).code == 0
    assert parents(root) == [parent]
    assert {size: len(pids) for size, pids in started(root).items()} == {"1": 1, "2": 2, "3": 1}
    assert rows(root, f"select status from runs where run_uuid = '{parent}'") == [("FINISHED",)]


def test_points_that_were_run_before_are_refused_taken_or_repeated(root: Path, mlws: Mlws) -> None:
    assert mlws("run", "first", "--set", "model.size=2", "--", "--light").code == 0
    [single] = rows(root, "select run_uuid from runs")[0]
    refused = mlws("run", "first", *LIGHT)
    assert refused.code == 1
    assert f"1 of 3 points were run before: model.size=2: run {single}" in refused.err
    assert parents(root) == []
    shown = mlws("run", "first", "--dry-run", *LIGHT)
    assert [line.split()[2:4] for line in shown.out.splitlines()[1:]] == [
        ["to", "run"],
        ["run", "before"],
        ["to", "run"],
    ]
    assert len(rows(root, "select 1 from runs")) == 1
    taken = mlws("run", "first", "--skip-existing", *LIGHT)
    assert taken.code == 0, taken.err
    assert "3 of 3 runs are there" in taken.out
    assert f"{single[:8]}" in taken.out
    assert {size: len(pids) for size, pids in started(root).items()} == {"1": 1, "2": 1, "3": 1}
    # A longer list is another sweep; what is there already is taken.
    write(root, {f"{FOLDER}/sweep.yaml": SWEEP.replace("3]", "3, 4]")})
    assert mlws("run", "first", "--skip-existing", *LIGHT).code == 0
    assert sum(len(pids) for pids in started(root).values()) == 4
    assert len(parents(root)) == 2
    assert mlws("run", "first", "--force", *LIGHT).code == 0
    assert [len(pids) for pids in started(root).values()] == [2, 2, 2, 2]
    assert len(parents(root)) == 3


@pytest.mark.parametrize(
    ("text", "arguments", "code", "said"),
    [
        (SWEEP.replace("size", "sise"), (), 1, "sweep.yaml:3:3: parameters.model.sise: config.y"),
        (SWEEP, ("--set", "model.size=2"), 1, "model.size is given by --set or --seed as well"),
        (SWEEP + "seeds: [1]\n", ("--seed", "2"), 1, "sweep.yaml:4:1: seeds: seed is given"),
        (SWEEP.replace("model.size", "model"), (), 2, "model is a section"),
        (SWEEP.replace("grid", "gird"), (), 1, "sweep.yaml:1:1: method: unknown value"),
        (SWEEP, ("--detach",), 2, "--detach starts a single run"),
        (SWEEP, ("--parallel", "0"), 2, "--parallel"),
    ],
)
def test_what_is_asked_wrongly_is_refused_before_a_run_exists(
    root: Path, mlws: Mlws, text: str, arguments: tuple[str, ...], code: int, said: str
) -> None:
    write(root, {f"{FOLDER}/sweep.yaml": text})
    ended = mlws("run", "first", *arguments, "--sweep", "sweep.yaml")
    assert (ended.code, said in ended.err) == (code, True), ended.err
    assert mlws("run", "first", "--parallel", "2").code == 2
    assert rows(root, "select 1 from runs") == []
