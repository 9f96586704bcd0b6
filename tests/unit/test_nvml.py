"""NVML through a stub library: what both readers see, and how every trouble is named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import fake_nvml

SOURCE = Path(__file__).parents[2] / "src"
READERS = pytest.mark.parametrize("reader", ["pynvml", "ctypes"])
LOOK = """
import dataclasses, json, sys
from mlws_scaffold.adapters import nvml
print(json.dumps(dataclasses.asdict(nvml.read(sys.argv[1]))))
"""
SURVEY = "from mlws_scaffold.gpus import devices; print(devices.survey().text)"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_nvml.build(tmp_path_factory.mktemp("nvml"))


def _python(code: str, library: Path, *arguments: str, **fake: int) -> str:
    # The loader reads its path when a process starts, so each look is one.
    environment = {
        **os.environ,
        "PYTHONPATH": str(SOURCE),
        "LD_LIBRARY_PATH": str(library),
        **{f"FAKE_NVML_{name.upper()}": str(value) for name, value in fake.items()},
    }
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stdout.strip()


@READERS
def test_all_gpus_are_seen_with_name_memory_uuid_and_driver(library: Path, reader: str) -> None:
    pytest.importorskip("pynvml")
    assert json.loads(_python(LOOK, library, reader, count=2)) == {
        "driver": "570.86.15",
        "devices": [
            {
                "index": index,
                "name": "NVIDIA Stub 9000",
                "uuid": f"GPU-0000000{index + 1}",
                "memory": 80 * 2**30,
            }
            for index in (0, 1)
        ],
        "trouble": None,
    }


@READERS
@pytest.mark.parametrize(
    ("code", "kind", "cure"),
    [
        (4, "no permission", "/dev/nvidia"),
        (9, "driver not loaded", "modprobe"),
        (18, "version mismatch", "restart"),
        (999, "other", "nvidia-smi"),
    ],
)
def test_a_failing_start_is_named_with_its_cure(
    library: Path, reader: str, code: int, kind: str, cure: str
) -> None:
    found = json.loads(_python(LOOK, library, reader, init=code))
    assert found["devices"] == []
    assert found["trouble"]["kind"] == kind
    assert cure in found["trouble"]["cure"]


@READERS
def test_without_the_library_that_is_what_is_said(tmp_path: Path, reader: str) -> None:
    found = json.loads(_python(LOOK, tmp_path, reader))
    if not found["devices"]:  # a machine with a real driver finds its own library
        assert found["trouble"]["kind"] == "library missing"


@READERS
def test_an_unknown_field_is_none_and_the_others_stay(library: Path, reader: str) -> None:
    found = json.loads(_python(LOOK, library, reader, count=1, no_memory=1))
    assert found["devices"][0]["memory"] is None
    assert found["devices"][0]["name"] == "NVIDIA Stub 9000"


@READERS
def test_one_lost_gpu_does_not_hide_the_others(library: Path, reader: str) -> None:
    found = json.loads(_python(LOOK, library, reader, count=3, broken=1))
    assert [device["index"] for device in found["devices"]] == [0, 2]
    assert found["trouble"]["detail"].startswith("GPU 1: ")


def test_the_survey_is_one_line(library: Path) -> None:
    assert _python(SURVEY, library, count=2) == "2 x NVIDIA Stub 9000 (80.0 GiB), driver 570.86.15"
    assert _python(SURVEY, library) == "none found: the driver sees no GPU"
    assert _python(SURVEY, library, init=18).startswith("none found: version mismatch: ")
