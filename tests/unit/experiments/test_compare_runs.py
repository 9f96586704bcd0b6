"""Which runs are compared, what they cost, and the plot, from a real store of MLflow."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
from mlflow.entities import Metric
from mlflow.tracking import MlflowClient

from mlws_scaffold.adapters import metric_history, tracking
from mlws_scaffold.errors import Unavailable
from mlws_scaffold.experiments.index import plots, replicates
from mlws_scaffold.experiments.index.compare import Side
from mlws_scaffold.experiments.results import Run
from tests.support import mlflow_store, tiny_workspace
from tests.support.commandline import Mlws
from tests.support.experiment_clones import Clone, metadata

START = datetime(2026, 1, 1, tzinfo=UTC)
PRIMARY = {"primary_metric": {"name": "accuracy", "goal": "maximize"}}


def _run(name: str, accuracy: float, config: str = "a", *, seconds: float = 60, **more: str) -> Run:
    tags = {"mlws.config_hash": config, "mlws.git.commit": config * 4}
    tags.update({key.replace("__", "."): value for key, value in more.items()})
    end, status = START + timedelta(seconds=seconds), tags.pop("status", "FINISHED")
    return Run(name, "x", status, START, end, {"accuracy": accuracy}, {}, tags)


def test_seeds_of_the_best_configuration_are_compared_and_others_only_counted() -> None:
    runs = [
        _run("new", 0.2, "c"),
        _run("a1", 0.8),
        _run("b1", 0.9, "b"),
        _run("a2", 0.84),
        _run("b2", 0.1, "b", status="FAILED"),
    ]
    assert [run.run_id for run in replicates.chosen(runs, PRIMARY)] == ["b1"]
    minimize = {"primary_metric": {"name": "accuracy", "goal": "minimize"}}
    assert [run.run_id for run in replicates.chosen(runs, minimize)] == ["new"]
    assert [run.run_id for run in replicates.chosen(runs, {})] == ["new"]
    synced = {**PRIMARY, "results": {"run_id": "a2"}}
    found = replicates.chosen(runs, synced)
    assert str(replicates.measured(found)["accuracy"]) == "0.82 (0.8 to 0.84, 2 runs)"


def test_proofs_and_the_run_that_stands_for_a_sweep_are_no_results() -> None:
    runs = [
        _run("parent", 0.99, mlws__sweep__points="6"),
        _run("again", 0.98, mlws__reproduces="own"),
        _run("own", 0.5),
    ]
    assert [run.run_id for run in replicates.chosen(runs, PRIMARY)] == ["own"]
    cost = replicates.cost(runs)
    assert (cost.runs, cost.seconds) == (2, 120.0)


def test_unrecorded_runs_are_told_apart_by_their_parameters() -> None:
    def run(name: str, **params: str) -> Run:
        return Run(name, "x", "FINISHED", START, START, {"accuracy": 0.5}, params)

    runs = [run("a", lr="0.1", seed="1"), run("b", lr="0.2"), run("c", lr="0.1", seed="2")]
    found = replicates.chosen(runs, PRIMARY)
    assert [one.run_id for one in found] == ["a", "c"]
    assert replicates.parameters(found) == {"lr": 0.1}


def test_numbers_that_are_none_are_left_out_of_every_mean() -> None:
    runs = [_run("a", float("nan")), _run("b", 0.5), _run("c", float("inf"))]
    assert str(replicates.measured(runs)["accuracy"]) == "0.5"
    assert replicates.measured(runs[:1]) == {}
    assert replicates.cost([_run("a", 1, mlws__gpu_seconds="much")]).gpu_seconds is None


def test_gpu_seconds_are_those_of_the_runs_that_had_them_measured() -> None:
    runs = [_run("a", 1, mlws__gpu_seconds="90.5"), _run("b", 1, status="KILLED", seconds=30)]
    cost = replicates.cost(runs)
    assert (cost.gpu_seconds, cost.gpu_runs, cost.runs, cost.seconds) == (90.5, 1, 2, 90.0)


@pytest.fixture
def ann(tmp_path: Path) -> Clone:
    """Two experiments in a store; `one` ran with two seeds over three steps."""
    clone = Clone(tiny_workspace.make(tmp_path / "ann", tracking=mlflow_store.TRACKING))
    (clone.root / ".gitignore").write_text("mlflow.db*\n")
    clone.git("init", "--quiet", "-b", "main")
    more = "primary_metric: {name: accuracy, goal: maximize}\n"
    for name in ("one", "two"):
        folder = clone.experiment("ann", name, metadata(name, "ann") + more)
        (clone.root / folder / "config.yaml").write_text("lr: 0.1\nseed: 1\n")
    clone.commit()
    mlflow_store.put(clone.root)
    client = MlflowClient(f"sqlite:///{clone.root / mlflow_store.NAME}")
    for name, lr, seeds in (("one-v1", "0.5", (1, 2)), ("two-v1", "0.1", (1,))):
        key = client.create_experiment(name)
        for seed in seeds:
            tags = {
                "mlws.experiment_id": name,
                "mlws.config_hash": "a",
                "mlws.git.commit": "c" * 40,
            }
            run = client.create_run(key, start_time=1_000, tags=tags).info.run_id
            client.log_param(run, "lr", lr)
            steps = [Metric("accuracy", seed * step / 8, 1_000 + step, step) for step in range(3)]
            loss = [Metric("loss 1", 1.0, 1_000, 0)]
            client.log_batch(run, metrics=steps + loss)
            client.set_terminated(run, end_time=13_500)
    return clone


def test_cost_commits_and_the_runs_own_parameters_stand_beside_the_metrics(
    ann: Clone, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mlws = Mlws(ann.root, monkeypatch, capsys)
    data = json.loads(mlws("experiment", "compare", "one-v1", "two-v1", "--json").out)
    one, two = data["sides"]
    assert data["configuration"] == {"lr": [0.5, 0.1]}
    assert one["metrics"]["accuracy"] == {"mean": 0.375, "least": 0.25, "most": 0.5, "runs": 2}
    assert (one["cost"]["seconds"], one["cost"]["gpu_seconds"]) == (25.0, None)
    assert (len(one["runs"]), len(two["runs"]), one["commits"]) == (2, 1, ["c" * 40])
    shown = mlws("experiment", "compare", "one-v1", "two-v1", "--markdown").out
    assert "| commits | cccccccccc | cccccccccc |" in shown
    assert "| seconds a run | 12.5 (12.5 to 12.5, 2 runs) | 12.5 |" in shown
    assert "| GPU-seconds | not measured | not measured |" in shown
    assert "| loss 1 | 1 (1 to 1, 2 runs) | 1 |" in shown


def test_the_plot_is_one_picture_with_bars_and_curves(
    ann: Clone, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mlws = Mlws(ann.root, monkeypatch, capsys)
    asked = ("experiment", "compare", "one-v1", "two-v1", "--plot")
    ended = mlws(*asked, "plot.svg")
    assert (ended.code, "drawn: plot.svg" in ended.err) == (0, True)
    text = (ann.root / "plot.svg").read_text()
    picture = ElementTree.fromstring(text)
    inner = picture.findall("{http://www.w3.org/2000/svg}svg")
    titles = [one.findtext("{http://www.w3.org/2000/svg}title") for one in inner]
    assert titles == ["accuracy", "accuracy by step", "loss 1"]  # a single step is no curve
    tops = [int(one.get("y", "")) for one in inner]
    heights = [int(one.get("height", "")) for one in inner]
    assert tops == [0, heights[0], heights[0] + heights[1]]
    assert int(picture.get("height", "")) == sum(heights)
    assert len(re.findall("<polyline", text)) == 3
    mlws(*asked, "plot.svg")
    assert (ann.root / "plot.svg").read_text() == text


@pytest.mark.parametrize(
    ("name", "said"), [("plot.png", "is no name for a plot"), ("no/plot.svg", "there is no folder")]
)
def test_a_plot_that_nobody_could_look_at_is_refused_before_anything_is_asked(
    ann: Clone,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    said: str,
) -> None:
    ended = Mlws(ann.root, monkeypatch, capsys)("experiment", "compare", "a", "b", "--plot", name)
    assert (ended.code, said in ended.err) == (2, True)


def test_without_runs_there_is_nothing_to_plot_but_the_tables(
    ann: Clone, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (ann.root / mlflow_store.NAME).unlink()
    mlws = Mlws(ann.root, monkeypatch, capsys)
    ended = mlws("experiment", "compare", "one-v1", "two-v1", "--plot", "plot.svg")
    assert (ended.code, "nothing to plot" in ended.err) == (1, True)
    assert "ended runs" in ended.out
    assert not (ann.root / "plot.svg").exists()


def test_a_long_history_is_thinned_and_a_step_logged_twice_counts_once(
    ann: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"sqlite:///{mlflow_store.NAME}"
    client = MlflowClient(f"sqlite:///{ann.root / mlflow_store.NAME}")
    run = client.create_run("0").info.run_id
    client.log_batch(run, metrics=[Metric("m", step, step, step) for step in range(900)])
    client.log_metric(run, "m", 5.0, 2_000, 0)
    monkeypatch.setattr(metric_history, "_MOST", 500)
    points = metric_history.of(uri, ann.root, [run], ["m", "absent"])
    assert points[run, "absent"] == []
    assert points[run, "m"] == [(0, 5.0), *((step, float(step)) for step in range(2, 900, 2))]
    monkeypatch.setattr(metric_history, "_MOST", 5000)
    itself = metric_history.of(uri, ann.root, [run], ["m"])[run, "m"]
    monkeypatch.setattr(tracking, "client", lambda uri, root: client)
    asked = metric_history.of("http://127.0.0.1:9", ann.root, [run], ["m"])
    assert asked[run, "m"] == itself
    assert itself[:2] == [(0, 5.0), (1, 1.0)]
    (ann.root / mlflow_store.NAME).write_bytes(b"junk" * 999)
    with pytest.raises(Unavailable, match=r"mlflow\.db"):
        metric_history.of(uri, ann.root, [run], ["m"])


def test_too_many_lines_become_one_for_each_experiment() -> None:
    side = [f"r{number}" for number in range(12)]
    curves = {(run, "m"): [(0.0, 0.0), (1.0, 1.0)] for run in side}
    empty = replicates.cost([])
    sides = [
        Side(name, "", "", "", "", "m", side, 0, [], {"m": replicates.spread([1.0])}, empty)
        for name in ("one", "two")
    ]
    assert len(plots._lines(sides[:1], "m", curves)) == 12
    assert [line.name for line in plots._lines(sides, "m", curves)] == ["one r0", "two r0"]
