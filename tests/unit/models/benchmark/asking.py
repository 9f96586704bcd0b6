"""What the tests of the benchmark ask for and look at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.commandline import Ended, Mlws
from tests.support.fake_ollama import FakeOllama

REGISTRY = """\
# What we use.
models:
  fast:  # the first
    source: ollama
    model_name: fast:1
    version: v1.0.0
    performance: {accuracy: 0.89, latency_p95: 3s}  # by hand
  slow:
    source: custom
    version: v2.0.0
"""


def measure(mlws: Mlws, *more: str, prompts: str = "prompts.txt") -> Ended:
    ended = mlws("model", "benchmark", "fast", "--prompts", prompts, *more)
    assert ended.code == 0, ended.err
    return ended


def report(root: Path, path: str = "fast/v1.0.0") -> dict[str, Any]:
    found = json.loads((root / f"models/benchmarks/{path}.json").read_text())
    assert isinstance(found, dict)
    return found


def asked(ollama: FakeOllama) -> list[dict[str, Any]]:
    return [one.body for one in ollama.record.requests if one.route == "chat"]
