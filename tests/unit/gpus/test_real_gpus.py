"""The contract of the stub library, on whatever this machine has; MLWS_TEST_GPU=1 demands a GPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

# Read at import: the guards take MLWS_ variables away from tests.
DEMANDED = os.environ.get("MLWS_TEST_GPU") == "1"
LOOK = """
import dataclasses, json, sys
from mlws_scaffold.adapters import nvml, nvml_usage
usage = {str(key): dataclasses.asdict(one) for key, one in nvml_usage.read().items()}
print(json.dumps([dataclasses.asdict(nvml.read(sys.argv[1])), usage]))
"""


def looked(reader: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What one reader sees in a process of its own, and what works on it."""
    done = subprocess.run(
        [sys.executable, "-c", LOOK, reader], capture_output=True, text=True, check=True
    )
    reading, usage = json.loads(done.stdout)
    return reading, usage


@pytest.mark.parametrize("reader", ["pynvml", "ctypes"])
def test_a_machine_shows_its_gpus_or_says_why_it_has_none(reader: str) -> None:
    reading, usage = looked(reader)
    devices = reading["devices"]
    assert devices or reading["trouble"]["detail"] or reading["driver"]
    assert not DEMANDED or devices
    for device in devices:
        assert device["uuid"].startswith(("GPU-", "MIG-"))
        assert device["memory"] is None or device["memory"] > 2**30
        now = usage[str(device["index"])]
        assert now["used"] is None or 0 <= now["used"] <= (device["memory"] or now["used"])
        assert now["utilisation"] is None or 0 <= now["utilisation"] <= 100
        assert now["temperature"] is None or 0 < now["temperature"] < 150


def test_both_readers_see_the_same_gpus() -> None:
    one, other = (looked(reader)[0]["devices"] for reader in ("pynvml", "ctypes"))
    assert one == other
