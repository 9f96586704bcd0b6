"""A server with paced answers, a workspace that names it, and the command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import tiny_workspace
from tests.support.commandline import Mlws
from tests.support.fake_ollama import FakeOllama, running
from tests.support.fake_ollama.answering import Turn
from tests.unit.models.benchmark.asking import REGISTRY

WORDS = {"fast": 8, "slow": 16, "slow:v1": 16}
PROMPTS = "one\ntwo\n\n three \nfour\nfive\n"


def _answer(turn: Turn) -> str:
    return " ".join(["word"] * WORDS[turn.model.partition(":")[0]])


@pytest.fixture
def ollama() -> Iterator[FakeOllama]:
    with running(FakeOllama()) as fake:
        fake.add("fast:1", "slow", "slow:v1")
        fake.script = _answer
        yield fake


@pytest.fixture
def paced(ollama: FakeOllama) -> FakeOllama:
    """It takes its time, as a real one."""
    ollama.pace.load_seconds = 0.1
    ollama.pace.first_seconds = 0.02
    ollama.pace.token_seconds = 0.005
    return ollama


@pytest.fixture
def root(tmp_path: Path, ollama: FakeOllama) -> Path:
    made = tiny_workspace.make(
        tmp_path / "ws", config=f'[models]\nhost = "{ollama.url}"\n', registry=REGISTRY
    )
    (made / "prompts.txt").write_text(PROMPTS)
    return made


@pytest.fixture
def mlws(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mlws:
    monkeypatch.delenv("OLLAMA_HOST")
    return Mlws(root, monkeypatch, capsys)
