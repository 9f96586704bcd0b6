"""Builds the stub of NVIDIA's library, so that the real readers can be driven without a GPU."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

NAME = "libnvidia-ml.so.1"


def build(folder: Path) -> Path:
    """Compile the stub into `folder` (for LD_LIBRARY_PATH); skips the test without a compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: the NVML readers are not driven")
    source = Path(__file__).with_name("nvml.c")
    options = ["-shared", "-fPIC", f"-Wl,-soname,{NAME}"]
    subprocess.run([compiler, *options, "-o", folder / NAME, source], check=True)
    return folder
