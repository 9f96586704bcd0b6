"""Servers that fail, that hold less than is asked of them, or that say less than they could."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlws_scaffold.adapters import ollama as adapter
from mlws_scaffold.models import benchmark
from mlws_scaffold.workspace.layout import Layout
from tests.support.commandline import Mlws
from tests.support.fake_ollama import FakeOllama
from tests.support.fake_ollama.answering import Turn
from tests.unit.models.benchmark.asking import REGISTRY, measure, report


def test_a_server_that_holds_one_model_at_a_time_is_not_measured_while_loading(
    root: Path, mlws: Mlws, paced: FakeOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = paced.engine.load

    def load(name: Any, body: Any) -> int:
        for other in [one for one in paced.engine.loaded if one != name]:
            paced.engine.unload(other)
        return real(name, body)

    monkeypatch.setattr(paced.engine, "load", load)
    paced.pace.load_seconds = 0.2
    (root / "two.txt").write_text("one\ntwo\n")
    measure(mlws, "--against", "slow", "--runs", "1", prompts="two.txt")
    assert report(root)["latency_p50"] < 0.2  # loading alone takes that long
    refused = mlws("model", "benchmark", "fast", "--against", "slow", "--concurrency", "2")
    assert refused.code == 2
    assert "does not hold both models" in refused.err


def test_models_on_the_same_weights_are_loaded_once_and_listed_under_one_name(
    root: Path, mlws: Mlws, paced: FakeOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in adapter.create(paced.url, "slow", {"from": "fast:1", "parameters": {"top_k": 3}}):
        pass

    class OneName(dict[Any, Any]):
        """What the server has loaded, as it lists it."""

        def __setitem__(self, name: Any, state: Any) -> None:
            super().__setitem__(next(iter(self), name), state)

    paced.engine.loaded = OneName()
    paced.pace.load_seconds = 0.0
    paced.pace.vram = 0.5
    ended = mlws(
        *("model", "benchmark", "slow", "--prompts", "prompts.txt", "--runs", "1"),
        *("--against", "fast", "--concurrency", "2"),
    )
    assert ended.code == 0, ended.err
    assert report(root, "slow/v2.0.0")["gpu_share"] == pytest.approx(0.5, abs=0.01)
    # The one before stays loaded under its name, and is what is found in memory.
    monkeypatch.setattr(paced.engine, "unload", lambda _name: None)
    measure(mlws, "--runs", "1")
    assert [str(name) for name in paced.engine.loaded] == ["slow:latest"]
    assert report(root)["gpu_share"] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"kind": "500", "nth": 2}, "HTTP 500: something broke inside"),
        ({"kind": "busy", "nth": 4}, "server busy"),
        ({"kind": "inline", "nth": 4, "at": 2, "words": "CUDA error: out of memory"}, "CUDA error"),
        ({"kind": "truncated", "nth": 4, "at": 2}, "without being done"),
        ({"kind": "cut", "nth": 1, "at": 1}, "prompt 1 of prompts.txt"),
        ({"kind": "reset", "nth": 4}, "the connection broke"),
    ],
)
@pytest.mark.parametrize("concurrency", ["1", "3"])
def test_a_request_that_fails_is_no_latency(
    root: Path, mlws: Mlws, ollama: FakeOllama, fault: dict[str, Any], said: str, concurrency: str
) -> None:
    ollama.fail(route="chat", **fault)
    ended = mlws(
        "model", "benchmark", "fast", "--prompts", "prompts.txt", "--concurrency", concurrency
    )
    assert ended.code in (1, 4)
    assert said in ended.err
    assert not (root / "models/benchmarks").exists()
    assert (root / "models/registry.yaml").read_text() == REGISTRY


def test_a_model_that_answers_nothing_is_an_error(
    root: Path, mlws: Mlws, ollama: FakeOllama
) -> None:
    ollama.script = {"one": "yes", "two": ""}
    ended = mlws("model", "benchmark", "fast", "--prompts", "prompts.txt")
    assert ended.code == 1
    assert "prompt 2 of prompts.txt: fast:1 answers nothing" in ended.err
    assert not (root / "models/benchmarks").exists()


def test_a_model_that_is_replaced_meanwhile_is_an_error(
    root: Path, mlws: Mlws, ollama: FakeOllama
) -> None:
    def answer(turn: Turn) -> str:
        ollama.offer("fast:1", revision=2)
        ollama.add("fast:1")
        return "yes"

    ollama.script = answer
    ended = mlws("model", "benchmark", "fast", "--prompts", "prompts.txt", "--runs", "1")
    assert ended.code == 1
    assert "was replaced while it was measured" in ended.err
    assert not (root / "models/benchmarks").exists()


def test_a_server_that_keeps_nothing_in_memory_is_an_error(
    mlws: Mlws, ollama: FakeOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ollama.engine.load

    def load(name: Any, body: Any) -> int:
        return real(name, {**body, "keep_alive": 0})

    monkeypatch.setattr(ollama.engine, "load", load)
    ollama.pace.load_seconds = 0.3
    ended = mlws("model", "benchmark", "fast", "--prompts", "prompts.txt")
    assert ended.code == 1
    assert "OLLAMA_KEEP_ALIVE" in ended.err


def test_what_the_server_does_not_tell_is_absent_and_never_zero(
    root: Path, mlws: Mlws, ollama: FakeOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ollama.engine._metrics
    told = ("done_reason", "total_duration", "prompt_eval_count")
    monkeypatch.setattr(
        ollama.engine,
        "_metrics",
        lambda *given: {key: value for key, value in real(*given).items() if key in told},
    )
    measure(mlws, "--runs", "1")
    found = report(root)
    for name in ("tokens_per_second", "load_seconds", "throughput", "latency_p95"):
        assert name not in found
    assert found["latency_p50"] > 0
    last = benchmark.latest(Layout(root), "fast", "v1.0.0")
    assert last is not None
    assert last.tokens_per_second is None
