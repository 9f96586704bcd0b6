"""A workspace on a machine with two GPUs that the stub of NVML shows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import fake_nvml, tiny_workspace

MLWS = Path(sys.executable).with_name("mlws")


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Its mlws.toml ends with the text TEAM of the test's module."""
    pytest.importorskip("pynvml")
    (tmp_path / "lib").mkdir()
    monkeypatch.setenv("LD_LIBRARY_PATH", str(fake_nvml.build(tmp_path / "lib")))
    monkeypatch.setenv("FAKE_NVML_COUNT", "2")
    root = tiny_workspace.make(tmp_path / "here", config=request.module.TEAM)
    subprocess.run(["git", "init", "-q", root], check=True)
    return root


def mlws(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`mlws gpu` there, as a process of its own: the loader reads its path when one starts."""
    return subprocess.run(
        [MLWS, "gpu", *words], cwd=place, capture_output=True, text=True, check=False, timeout=120
    )
