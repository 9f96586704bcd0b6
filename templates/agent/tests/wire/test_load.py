"""`benchmarks/load.py` against the agent with a fake model: at ten times what it admits, too."""

import importlib.util
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from agent.settings import Limits


@pytest.fixture(scope="module")
def load() -> ModuleType:
    """Return the program, which is no part of a package."""
    path = Path(__file__).parents[2] / "benchmarks" / "load.py"
    spec = importlib.util.spec_from_file_location("load", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # a dataclass looks its module up
    spec.loader.exec_module(module)
    return module


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the report that was printed, among what the server logs."""
    printed = capsys.readouterr().out
    return dict(json.JSONDecoder().raw_decode(printed, printed.rindex('{\n  "requests"'))[0])


def becomes_free(chat: Any) -> bool:
    """Return whether no place is taken soon: a caller has its last event before its run is over."""
    until = time.monotonic() + 5
    while (chat.slots.running, chat.slots.queued) != (0, 0) and time.monotonic() < until:
        time.sleep(0.01)
    return (chat.slots.running, chat.slots.queued) == (0, 0)


@pytest.mark.parametrize("how", [["--callers", "2"], ["--rate", "10"]])
def test_what_is_admitted_is_measured(
    load: ModuleType, start: Callable[..., Any], capsys: pytest.CaptureFixture[str], how: list[str]
) -> None:
    """Both loops: every request answered, with its waits and its tokens."""
    address, chat = start()
    assert load.main([address, "--seconds", "0.5", *how]) == 0
    report = told(capsys)
    assert report["statuses"] == {"200": report["requests"]}
    assert 0 < report["first_token_p50"] <= report["first_token_p95"] <= report["duration_p95"]
    assert report["tokens_per_second"] > 0
    assert becomes_free(chat)


def test_ten_times_what_is_admitted_is_answered_or_shed(
    load: ModuleType, start: Callable[..., Any], upstream: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing but 200 and 429, and afterwards all places are free."""
    upstream.pace = 0.02
    address, chat = start(limits=Limits(running=2, queued=2))
    assert load.main([address, "--seconds", "1", "--callers", "40"]) == 0
    report = told(capsys)
    assert set(report["statuses"]) == {"200", "429"}
    assert becomes_free(chat)


def test_an_answer_that_breaks_off_is_no_success(
    load: ModuleType, start: Callable[..., Any], upstream: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its status was 200, but its end never came: the program says so and fails."""
    upstream.cut_at = 1
    address, _ = start()
    assert load.main([address, "--seconds", "0.2", "--callers", "1", "--model", "test-agent"]) == 1
    assert set(told(capsys)["statuses"]) == {"0"}


def test_nobody_there_is_told_at_once(load: ModuleType) -> None:
    """Without a model's name the agent is asked for it."""
    assert load.main(["http://127.0.0.1:9"]) == 2


def test_a_quantile_is_a_value_that_was_measured(load: ModuleType) -> None:
    """Nearest rank."""
    assert load.quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert load.quantile([1.0] * 95 + [9.0] * 5, 0.95) == 1.0
    assert load.quantile([1.0] * 94 + [9.0] * 6, 0.95) == 9.0
    assert load.quantile([], 0.5) is None
