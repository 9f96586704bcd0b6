"""`mlws report cost` on a month of ledger: prices in time, the unpriced, budgets, waste."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mlws_scaffold.gpus import store as stores
from mlws_scaffold.gpus.ledger import book
from mlws_scaffold.gpus.ledger.book import Segment, Subject
from mlws_scaffold.workspace import config
from tests.support import tiny_workspace
from tests.support.commandline import Mlws
from tests.support.template_repo import write

DAY = 86400.0
# The ledger is of the thirty days before today's midnight: the report looks back from now.
MIDNIGHT = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
START = MIDNIGHT - timedelta(days=30)
HALF = START + timedelta(days=15)
CONFIG = f"""\
[gpus]
store = "sqlite:///gpus.db"
[[prices]]
gpu = "NVIDIA H200"
per_hour = 2.0
currency = "USD"
valid_from = 2020-01-01
[[prices]]
gpu = "nvidia  h200"
per_hour = 3.0
currency = "USD"
valid_from = {HALF:%Y-%m-%d}
"""
METADATA = """\
experiment_id: {name}
researcher: {name}
created: 2026-10-19
status: in_progress
goal: Find out whether it works
hypothesis: It does
budget: {{gpu_hours: {hours}, cost: {cost}}}
"""


def _segments(run: str, gpu: str, model: str, days: int, busy: float) -> Iterator[Segment]:
    """Two hours a day, in rows of a minute as the sampler writes them."""
    for day in range(days):
        for minute in range(120):
            began = START.timestamp() + day * DAY + minute * 60
            yield Segment(
                run, gpu, model, "node1", "nvml", began, began + 60, 60 * busy, 700.0 * 60 * busy
            )


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ann on a priced GPU, Bob on one without a price, an agent, a failed run, a vanished one."""
    folder = tmp_path_factory.mktemp("ledger") / "gpus.db"
    store = book.opened(stores.connect(f"sqlite:///{folder}", Path("/")))
    for run, who, actor, model, days, busy in (
        ("a", "ann", "human", "NVIDIA H200", 30, 0.5),
        ("b", "bob", "agent:tuner", "Tesla K80", 10, 1.0),
        ("c", "ann", "human", "NVIDIA H200", 1, 0.0),
    ):
        book.begin(store, Subject(run, who, who, actor, "local"), START.timestamp())
        book.add(store, _segments(run, f"GPU-{run}", model, days, busy))
    book.end(store, "a", MIDNIGHT.timestamp(), "FINISHED")
    book.end(store, "c", MIDNIGHT.timestamp(), "FAILED")
    store.close()  # b never ended
    return folder


@pytest.fixture
def mlws(
    tmp_path: Path,
    ledger: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Mlws:
    root = tiny_workspace.make(tmp_path / "ws", config=CONFIG)
    (root / "gpus.db").write_bytes(ledger.read_bytes())
    return Mlws(root, monkeypatch, capsys)


def test_a_month_with_an_unpriced_gpu_and_a_breached_budget(mlws: Mlws) -> None:
    for name, hours, cost in (("ann", 100, 100), ("bob", 10, 50)):
        text = METADATA.format(name=name, hours=hours, cost=cost)
        write(mlws.folder, {f"experiments/active/{name}/{name}/metadata.yaml": text})
    done = mlws("report", "cost", "--since", "all", "--check")
    assert done.code == 1
    # 2 h x 15 days x 2 USD + 2 h x 15 days x 3 USD, and the failed run's 2 h x 2 USD.
    assert "154.00 USD" in done.out
    assert "unpriced: 20.0 GPU-hours of Tesla K80" in done.out
    assert "experiment ann: breached" in done.err
    assert "experiment bob: breached" in done.err  # 20 of 10 GPU-hours
    assert "experiment bob: not judged: 20.0 GPU-hours in it are unpriced" in done.err
    assert "idle while allocated 32.0 GPU-hours; 2 failed, killed or lost runs 22.0" in done.out


def test_a_budget_that_cannot_be_judged_is_neither_kept_nor_breached(mlws: Mlws) -> None:
    text = METADATA.format(name="bob", hours=1000, cost=50)
    write(mlws.folder, {"experiments/active/bob/bob/metadata.yaml": text})
    assert mlws("report", "cost", "--since", "all", "--check").code == 4
    assert mlws("report", "cost", "--since", "all").code == 0


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("researcher", {"ann": 62, "bob": 20}),
        ("experiment", {"ann": 62, "bob": 20}),
        ("agent", {"human": 62, "tuner": 20}),
        ("gpu", {"NVIDIA H200": 62, "Tesla K80": 20}),
    ],
)
def test_the_hours_are_the_same_however_they_are_split(
    mlws: Mlws, by: str, expected: dict[str, float]
) -> None:
    found = json.loads(mlws("report", "cost", "--since", "all", "--by", by, "--json").out)
    hours = {line["key"]: line["allocated_hours"] for line in found["lines"]}
    assert hours == pytest.approx(expected)
    assert found["total"]["allocated_hours"] == pytest.approx(82)
    assert found["total"]["cost_USD"] == pytest.approx(154)
    assert found["unpriced"] == {"Tesla K80": pytest.approx(20)}
    assert found["total"]["energy_kwh"] == pytest.approx((30 + 20) * 0.7)


def test_weeks_add_up_and_since_cuts(mlws: Mlws) -> None:
    weeks = json.loads(
        mlws("report", "cost", "--since", "all", "--by", "week", "--format", "json").out
    )
    assert sum(line["allocated_hours"] for line in weeks["lines"]) == pytest.approx(82)
    assert [line["key"] for line in weeks["lines"]] == sorted(
        line["key"] for line in weeks["lines"]
    )
    since = (MIDNIGHT - timedelta(days=5)).date().isoformat()
    late = json.loads(mlws("report", "cost", "--since", since, "--json").out)
    assert late["total"]["allocated_hours"] == pytest.approx(10)
    assert late["total"]["cost_USD"] == pytest.approx(30)


def test_the_other_formats_say_the_same(mlws: Mlws, tmp_path: Path) -> None:
    plot = tmp_path / "cost.svg"
    page = mlws("report", "cost", "--since", "all", "--format", "markdown", "--plot", str(plot)).out
    assert "| ann | 2 | 62.0 |" in page
    assert "Cost by researcher" in plot.read_text()
    table = list(
        csv.DictReader(mlws("report", "cost", "--since=all", "--format=csv").out.split("\n"))
    )
    assert [(row["researcher"], row["cost_USD"]) for row in table] == [
        ("ann", "154.00"),
        ("bob", "0.00"),
    ]
    assert table[1]["unpriced_hours"] == "20"


def test_an_empty_ledger_costs_nothing_and_two_currencies_are_never_added(
    mlws: Mlws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLWS_GPUS_STORE", "sqlite:///empty.db")
    empty = mlws("report", "cost", "--check")
    assert (empty.code, "total" in empty.out) == (0, True)
    monkeypatch.delenv("MLWS_GPUS_STORE")
    price = (
        '[[prices]]\ngpu = "Tesla K80"\nper_hour = 1.0\ncurrency = "EUR"\nvalid_from = 2020-01-01\n'
    )
    path = mlws.folder / "mlws.toml"
    path.write_text(path.read_text() + price + "[budgets]\nmonth = 10000\n")
    done = mlws("report", "cost", "--since", "all")
    assert "20.00 EUR, 154.00 USD" in done.out


def test_the_ledger_refuses_to_be_changed(mlws: Mlws) -> None:
    place = config.load(mlws.folder)
    with stores.open(place) as store:
        for statement in (
            "UPDATE usage_segments SET busy = 0",
            "DELETE FROM usage_segments",
            "DELETE FROM usage_runs",
            "UPDATE usage_ends SET state = 'FINISHED'",
        ):
            with pytest.raises(Exception, match="append-only"):
                store.execute(statement)
        before = book.read(store)
        book.add(store, _segments("a", "GPU-a", "NVIDIA H200", 2, 1.0))  # once more
        assert book.read(store) == before
