"""`mlws model show`: all that the files say about one model, on one page."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.support import tiny_workspace
from tests.support.commandline import Mlws
from tests.support.fake_ollama import FakeOllama, running

REGISTRY = """\
models:
  assistant:
    source: custom
    base_model: base:1
    modelfile: modelfiles/assistant.Modelfile
    version: v2.0.0
    purpose: Answers from passages
    owners: [ann]
    status: staging
    live: {version: v1.0.0, since: 2026-11-02}
  bare:
    source: ollama
    model_name: bare:1
"""
MODELFILE = '''\
FROM base:1
SYSTEM """Answer from the given passages.
Name them."""
PARAMETER temperature 0.3
PARAMETER stop "###"
PARAMETER stop "<END>"
PARAMETER temperature 0.2
TEMPLATE """{{ .Prompt }}"""
MESSAGE user Hello
'''


@pytest.fixture
def root(tmp_path: Path) -> Path:
    config = f'[models]\nstorage = "{tmp_path / "nas"}"\n'
    made = tiny_workspace.make(tmp_path / "ws", config=config, registry=REGISTRY)
    (made / "modelfiles").mkdir()
    (made / "modelfiles/assistant.Modelfile").write_text(MODELFILE)
    return made


@pytest.fixture
def mlws(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mlws:
    return Mlws(root, monkeypatch, capsys)


def test_entry_modelfile_benchmark_and_weights_stand_on_one_page(
    root: Path, mlws: Mlws, tmp_path: Path
) -> None:
    (tmp_path / "lora.gguf").write_bytes(b"weights")
    sha256 = hashlib.sha256(b"weights").hexdigest()
    origin = str(tmp_path / "lora.gguf")
    assert mlws("model", "add", "assistant", "--from", origin, "--licence", "MIT").code == 0
    with running(FakeOllama()) as ollama:
        ollama.add("assistant")
        asked = ("model", "benchmark", "assistant", "--runs", "2", "--host", ollama.url)
        assert mlws(*asked).code == 0
    ended = mlws("model", "show", "assistant", "--json")
    assert ended.code == 0
    found = json.loads(ended.out)
    assert found["ollama"] == "assistant"
    assert found["entry"]["live"]["version"] == "v1.0.0"
    assert found["modelfile"] == {
        "path": "modelfiles/assistant.Modelfile",
        "base": "base:1",
        "adapters": [],
        "system": "Answer from the given passages.\nName them.",
        "parameters": {"temperature": ["0.2"], "stop": ["###", "<END>"]},
        "messages": 1,
        "sets": ["template"],
    }
    assert found["benchmark"]["levels"][0]["samples"] == 20
    (weights,) = found["weights"]
    assert (weights["sha256"], weights["here"]) == (sha256, "no")
    assert weights["licence"] == "MIT"
    assert weights["path"] == "models/checkpoints/assistant/v2.0.0/lora.gguf"

    page = mlws("model", "show", "assistant").out
    for words in (
        "live        v1.0.0 since 2026-11-02",
        "status      staging",
        "from        base:1",
        "system      Answer from the given passages.\n",
        "parameters  temperature 0.2, stop ### <END>",
        "performance latency_p50 ",
        "latency p50 ",
        f"sha256      {sha256}",
        "not here: mlws model pull assistant --version v2.0.0",
    ):
        assert words in page
    assert mlws("model", "pull", "assistant").code == 0
    assert "here, and exactly what is described" in mlws("model", "show", "assistant").out


def test_what_there_is_not_is_said(mlws: Mlws) -> None:
    page = mlws("model", "show", "bare").out
    assert "live        not recorded" in page
    assert "benchmark: none of this version" in page
    assert "weights: none are described" in page
    found = json.loads(mlws("model", "show", "bare", "--json").out)
    assert (found["modelfile"], found["benchmark"], found["weights"]) == (None, None, [])


def test_a_broken_file_is_named_and_hides_nothing_else(root: Path, mlws: Mlws) -> None:
    (root / "modelfiles/assistant.Modelfile").write_text("FROM base:1\nNONSENSE\n")
    (root / "models/benchmarks/assistant").mkdir(parents=True)
    (root / "models/benchmarks/assistant/v2.0.0.json").write_text("{")
    (root / "models/checkpoints/assistant").mkdir(parents=True)
    (root / "models/checkpoints/assistant/v2.0.0.yaml").write_text("uri: 3\n")
    ended = mlws("model", "show", "assistant")
    assert ended.code == 1
    assert "Answers from passages" in ended.out
    for place in ("assistant.Modelfile:2:1", "v2.0.0.json", "v2.0.0.yaml:1:1: uri"):
        assert place in ended.err


def test_weights_without_an_entry_are_shown_and_unknown_names_refused(
    mlws: Mlws, tmp_path: Path
) -> None:
    (tmp_path / "w.gguf").write_bytes(b"weights")
    given = ("--from", str(tmp_path / "w.gguf"), "--version", "v1")
    assert mlws("model", "add", "early", *given).code == 0
    page = mlws("model", "show", "early").out
    assert "has no entry in models/registry.yaml" in page
    assert "weights v1" in page
    ended = mlws("model", "show", "assistent")
    assert ended.code == 2
    assert "did you mean 'assistant'?" in ended.err
