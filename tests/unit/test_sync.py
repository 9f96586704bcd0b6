"""Syncing the registry with a server: what is pulled, what is not, and how the commands end."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mlws_scaffold.adapters.ollama import Progress
from mlws_scaffold.errors import UsageError
from mlws_scaffold.models import hosts, registry, sync
from mlws_scaffold.models.progress import Milestones
from mlws_scaffold.workspace.config import load
from tests.support import tiny_workspace
from tests.support.commandline import Mlws
from tests.support.fake_ollama import FakeOllama, running

REGISTRY = """\
models:
  first: {source: ollama, model_name: "gone:1"}
  second: {source: ollama, model_name: "m:1", owners: [ann, bob]}
  ours: {source: custom, modelfile: modelfiles/ours.Modelfile, status: production}
  idea: {source: custom}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tiny_workspace.make(tmp_path / "ws", registry=REGISTRY)


@pytest.fixture
def mlws(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mlws:
    return Mlws(root, monkeypatch, capsys)


def _synced(root: Path, fake: FakeOllama, *keys: str) -> dict[str, sync.Result]:
    models = registry.select(registry.load(load(root).layout), keys)
    with running(fake):
        return {result.key: result for result in sync.sync(fake.url, models, _unwatched)}


def _unwatched(key: str, progress: Progress) -> None:
    """The progress is not looked at."""


def test_one_failure_does_not_stop_the_next_model(root: Path) -> None:
    found = _synced(root, FakeOllama(offered={"m:1"}))
    assert {key: result.state for key, result in found.items()} == {
        "first": "failed",
        "second": "pulled",
        "ours": "not built",
        "idea": "not built",
    }
    assert "file does not exist" in found["first"].detail
    assert found["ours"].cure == "ollama create ours -f modelfiles/ours.Modelfile"


def test_what_is_there_is_not_pulled_again(root: Path) -> None:
    fake = FakeOllama(offered={"m:1"})
    fake.add("M:1")
    assert _synced(root, fake, "second")["second"].state == "present"
    assert not [line for line in fake.asked if "pull" in line]


def test_a_success_that_the_server_does_not_list_is_a_failure(root: Path) -> None:
    fake = FakeOllama(offered={"m:1"}, faults={"m:1": "unlisted"})
    assert _synced(root, fake, "second")["second"].state == "failed"


@pytest.mark.parametrize("already", [True, False])
def test_another_digest_than_the_expected_one_is_drift(tmp_path: Path, already: bool) -> None:
    entry = f'models:\n  base: {{source: ollama, model_name: "m:1", digest: "sha256:{"0" * 64}"}}\n'
    fake = FakeOllama(offered={"m:1"})
    if already:
        fake.add("m:1")
    result = _synced(tiny_workspace.make(tmp_path / "ws", registry=entry), fake)["base"]
    assert (result.state, result.ok) == ("drift", False)
    assert result.cure


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
    root = tiny_workspace.make(tmp_path / "ws", config='[models]\nhost = "http://toml:1"\n')
    assert hosts.host_of(load(root, environment), environment, named) == host


def test_an_unknown_key_is_refused_with_the_near_one(root: Path) -> None:
    with pytest.raises(UsageError) as caught:
        registry.select(registry.load(load(root).layout), ["secnd"])
    assert caught.value.cure == "did you mean 'second'?"


def test_progress_becomes_few_lines() -> None:
    said: list[str] = []
    watch = Milestones(said.append)
    for completed in range(1000):
        watch("base", Progress("pulling abc", "sha256:abc", 1000, completed))
    watch("base", Progress("success"))
    assert len(said) == 11
    assert said[1] == "base: pulling abc, 10 %"
    assert said[-1] == "base: success"


def test_the_command_syncs_by_key_and_ends_with_0(
    mlws: Mlws, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(FakeOllama(offered={"m:1"})) as fake:
        monkeypatch.setenv("OLLAMA_HOST", fake.url)
        ended = mlws("model", "sync", "second")
        assert (ended.code, ended.out) == (0, "pulled     second (m:1)\n")
        assert re.search(r"second: pulling [0-9a-f]{12}, 100 %", ended.err)
        assert mlws("model", "sync", "second").out == "present    second (m:1)\n"


def test_a_partial_failure_ends_with_1(mlws: Mlws) -> None:
    with running(FakeOllama(offered={"m:1"})) as fake:
        ended = mlws("model", "sync", "first", "second", "--host", fake.url)
    assert ended.code == 1
    assert "failed     first (gone:1): " in ended.out
    assert "pulled     second" in ended.out


def test_a_custom_model_is_never_a_success(mlws: Mlws) -> None:
    with running() as fake:
        fake.add("ours")
        ended = mlws("model", "sync", "ours", "--host", fake.url, "--json")
    assert ended.code == 1
    assert [result["state"] for result in json.loads(ended.out)] == ["not built"]
    assert "not built by this version" in ended.out


def test_a_dry_run_pulls_nothing(mlws: Mlws) -> None:
    with running(FakeOllama(offered={"m:1"})) as fake:
        ended = mlws("model", "sync", "second", "--dry-run", "--host", fake.url)
        assert (ended.code, fake.models) == (0, {})
    assert ended.out.startswith("would pull second (m:1)")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["second"], 4),
        (["second", "--dry-run"], 4),
        (["secnd"], 2),
        (["second", "--host", "ftp://x"], 2),
    ],
)
def test_asked_wrongly_is_2_and_no_server_is_4(mlws: Mlws, arguments: list[str], code: int) -> None:
    ended = mlws("model", "sync", *arguments)
    assert ended.code == code
    assert "cure: " in ended.err


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
    assert rows["ours"]["status"] == "production"
    assert "ann, bob" in mlws("model", "list").out


def test_a_broken_registry_is_shown_with_its_place(mlws: Mlws, root: Path) -> None:
    (root / "models/registry.yaml").write_text("models:\n  base: {source: olama}\n")
    for command in ("list", "sync"):
        ended = mlws("model", command)
        assert ended.code == 1
        assert "models/registry.yaml:2:" in ended.err
