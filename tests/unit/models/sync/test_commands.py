"""`mlws model list | plan | sync | lock`: what they print and how they end."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlws_scaffold.adapters import ollama
from mlws_scaffold.models import hosts
from mlws_scaffold.workspace.config import load
from tests.support import model_workspace, tiny_workspace
from tests.support.commandline import Mlws
from tests.support.fake_ollama import FakeOllama, running

MODELS = {
    "first": "gone:1",
    "second": {"source": "ollama", "model_name": "m:1", "owners": ["ann", "bob"]},
    "ours": "FROM m:1\nPARAMETER temperature 0.3\n",
    "idea": {"source": "custom", "status": "production"},
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return model_workspace.make(tmp_path / "ws", MODELS).root


@pytest.fixture
def mlws(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mlws:
    return Mlws(root, monkeypatch, capsys)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _lines(text: str) -> list[list[str]]:
    """The cells of a table without its head."""
    return [re.split(r"  +", line) for line in text.splitlines()[1:]]


@pytest.mark.parametrize(
    ("environment", "named", "host"),
    [
        ({}, "", "http://toml:1"),
        ({"OLLAMA_HOST": "'variable:2'"}, "", "http://variable:2"),
        ({"OLLAMA_HOST": " "}, "", "http://toml:1"),
        ({"OLLAMA_HOST": "variable:2", "MLWS_MODELS_HOST": "ours:3"}, "", "http://ours:3"),
        (
            {"OLLAMA_HOST": "variable:2", "MLWS_MODELS_HOST": "ours:3"},
            "option:4",
            "http://option:4",
        ),
    ],
)
def test_the_nearest_place_names_the_host(
    tmp_path: Path, environment: dict[str, str], named: str, host: str
) -> None:
    root = tiny_workspace.make(tmp_path / "one", config='[models]\nhost = "http://toml:1"\n')
    assert hosts.host_of(load(root, environment), environment, named) == host


def test_the_command_syncs_by_key_and_ends_with_0(
    mlws: Mlws, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(FakeOllama(offered={"m:1"})) as fake:
        monkeypatch.setenv("OLLAMA_HOST", fake.url)
        ended = mlws("model", "sync", "second")
        assert ended.code == 0
        assert _lines(ended.out) == [
            ["pulled", "second", "m:1", "not on the server"],
            ["copied", "second", "second", "agents name it so; it is m:1"],
        ]
        assert re.search(r"second: pulling [0-9a-f]{12}, 100 %", ended.err)
        assert "models/models.lock was written: commit it" in ended.err
        again = mlws("model", "sync", "second")
        assert (again.code, again.err) == (0, "")
        assert "nothing was to be done" in again.out


def test_a_partial_failure_ends_with_1_and_a_table(mlws: Mlws) -> None:
    with running(FakeOllama(offered={"m:1"})) as fake:
        ended = mlws("model", "sync", "--host", fake.url)
    assert ended.code == 1
    assert {cells[2]: cells[0] for cells in _lines(ended.out) if len(cells) == 4} == {
        "gone:1": "failed",
        "first": "skipped",
        "m:1": "pulled",
        "second": "copied",
        "ours": "built",
        "idea": "not buildable",
    }
    assert "-> first: look at model_name in models/registry.yaml" in ended.out


def test_the_results_are_told_as_json(mlws: Mlws) -> None:
    with running(FakeOllama(offered={"m:1"})) as fake:
        ended = mlws("model", "sync", "second", "ours", "--host", fake.url, "--json")
        found = json.loads(ended.out)
        assert (ended.code, found["ok"], found["host"]) == (0, True, fake.url)
    assert [(one["key"], one["name"], one["state"]) for one in found["results"]] == [
        ("second", "m:1", "pulled"),
        ("second", "second", "copied"),
        ("ours", "ours", "built"),
    ]


def test_a_dry_run_changes_nothing(mlws: Mlws) -> None:
    with running(FakeOllama(offered={"m:1"})) as fake:
        ended = mlws("model", "sync", "second", "--dry-run", "--host", fake.url)
        assert (ended.code, fake.changes) == (0, [])
    assert _lines(ended.out)[0] == ["missing", "second", "m:1", "pull", "not on the server"]


def test_check_ends_with_1_on_drift_and_names_what_differs(mlws: Mlws) -> None:
    with running(FakeOllama(offered={"m:1"})) as fake:
        assert mlws("model", "plan", "ours", "--host", fake.url).code == 0
        assert mlws("model", "plan", "ours", "--check", "--host", fake.url).code == 1
        assert mlws("model", "sync", "ours", "--host", fake.url).code == 0
        ended = mlws("model", "plan", "ours", "--check", "--host", fake.url)
        assert ended.code == 0
        assert "nothing to do" in ended.out
        [*ollama.create(fake.url, "ours", {"from": "m:1", "parameters": {"temperature": 0.9}})]
        ended = mlws("model", "plan", "ours", "--check", "--host", fake.url)
        assert ended.code == 1
        assert "changed outside  ours" in ended.out
        assert "temperature is 0.9, should be 0.3" in ended.out
        ended = mlws("model", "plan", "ours", "--json", "--host", fake.url)
        assert json.loads(ended.out)[-1]["differences"] == [
            {"field": "parameters.temperature", "wanted": "0.3", "found": "0.9"}
        ]
        assert mlws("model", "sync", "ours", "--dry-run", "--host", fake.url).code == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["sync", "second"], 4),
        (["sync", "second", "--dry-run"], 4),
        (["plan"], 4),
        (["lock"], 4),
        (["sync", "secnd"], 2),
        (["plan", "secnd"], 2),
        (["lock", "secnd"], 2),
        (["sync", "second", "--host", "ftp://x"], 2),
        (["sync", "--prune"], 2),
        (["lock", "--check", "--update"], 2),
    ],
)
def test_asked_wrongly_is_2_and_no_server_is_4(mlws: Mlws, arguments: list[str], code: int) -> None:
    ended = mlws("model", *arguments)
    assert ended.code == code
    assert "cure: " in ended.err


@pytest.fixture
def after_ours(mlws: Mlws, root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOllama]:
    """A server that holds `ours`, which the registry has no more."""
    with running(FakeOllama(offered={"m:1"})) as fake:
        monkeypatch.setenv("OLLAMA_HOST", fake.url)
        mlws("model", "sync", "second", "ours")
        model_workspace.write(root, {"second": "m:1"})
        yield fake


def test_pruning_lists_and_asks_first(
    mlws: Mlws, after_ours: FakeOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = after_ours
    monkeypatch.setattr(sys, "stdin", _Terminal("n\n"))
    ended = mlws("model", "sync", "--prune")
    assert (ended.code, "ours:latest" in fake.models) == (0, True)
    assert "  ours:latest, created 20" in ended.err
    monkeypatch.setattr(sys, "stdin", _Terminal("y\n"))
    ended = mlws("model", "sync", "--prune")
    assert (ended.code, "ours:latest" in fake.models) == (0, False)
    assert ["removed", "ours:latest", "ours:latest", "-"] in _lines(ended.out)
    assert "nothing to remove" in mlws("model", "sync", "--prune", "--yes").err


@pytest.mark.usefixtures("after_ours")
def test_what_nothing_asks_for_any_more_is_planned_as_unknown(mlws: Mlws) -> None:
    ended = mlws("model", "plan", "--check")
    assert ended.code == 0
    assert "unknown     ours:latest" in ended.out
    assert json.loads(mlws("model", "plan", "--json").out)[-1]["state"] == "unknown"
    ended = mlws("model", "sync", "--prune", "--yes", "--json")
    assert json.loads(ended.out)["results"][-1]["state"] == "removed"


def test_a_moved_tag_is_reported_until_it_is_accepted(
    mlws: Mlws, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(FakeOllama(offered={"m:1"})) as fake:
        monkeypatch.setenv("OLLAMA_HOST", fake.url)
        mlws("model", "sync", "second")
        assert mlws("model", "lock", "second", "--check").code == 0
        fake.offer("m:1", revision=2)
        fake.add("m:1")
        ended = mlws("model", "plan", "second", "--check")
        assert ended.code == 1
        assert "m:1 is no longer what the team locked" in ended.out
        ended = mlws("model", "lock", "second", "--check")
        assert (ended.code, _lines(ended.out)[0][:3]) == (1, ["moved", "second", "m:1"])
        assert mlws("model", "lock", "second", "--update").code == 0
        rows = json.loads(mlws("model", "lock", "second", "--json").out)
        assert [(row["state"], row["found"] == row["locked"]) for row in rows] == [("locked", True)]
        assert mlws("model", "sync", "second").code == 0


def test_the_list_says_what_is_live(mlws: Mlws) -> None:
    ended = mlws("model", "list", "--json")
    rows = {row["key"]: row for row in json.loads(ended.out)}
    assert rows["second"] == {
        "key": "second",
        "ollama": "m:1",
        "source": "ollama",
        "version": None,
        "status": "development",
        "live": "not recorded",
        "owners": ["ann", "bob"],
    }
    assert rows["idea"]["status"] == "production"
    assert "ann, bob" in mlws("model", "list").out


def test_a_broken_registry_is_shown_with_its_place(mlws: Mlws, root: Path) -> None:
    (root / "models/registry.yaml").write_text("models:\n  base: {source: olama}\n")
    for command in ("list", "plan", "sync", "lock"):
        ended = mlws("model", command)
        assert ended.code == 1
        assert "models/registry.yaml:2:" in ended.err


def test_a_broken_lock_stops_a_sync_before_anything_is_changed(mlws: Mlws, root: Path) -> None:
    (root / "models/models.lock").write_text("<<<<<<< ours\n")
    with running(FakeOllama(offered={"m:1"})) as fake:
        ended = mlws("model", "sync", "--host", fake.url)
        assert (ended.code, fake.changes) == (1, [])
    assert "models/models.lock:1:" in ended.err
