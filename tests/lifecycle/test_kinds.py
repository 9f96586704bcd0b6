"""Each kind's own tests and tools pass on fresh output, on each Python that is found."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import installation
from tests.support.installation import UV, run
from tests.support.rendering import render

pytestmark = pytest.mark.slow


def _interpreter(version: str) -> str | None:
    """Path of an interpreter of this version: this one, on PATH, or as pyenv keeps them."""
    if sys.version_info[:2] == tuple(int(part) for part in version.split(".")):
        return sys.executable
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)  # HOME is another one in tests
    pyenv = Path(os.environ.get("PYENV_ROOT") or home / ".pyenv") / "versions"
    found = [shutil.which(f"python{version}"), *sorted(pyenv.glob(f"{version}.*/bin/python"))]
    for candidate in filter(None, found):
        code = "import sys; print('%d.%d' % sys.version_info[:2])"
        done = subprocess.run([candidate, "-c", code], capture_output=True, text=True, check=False)
        if done.stdout.strip() == version:
            return str(candidate)
    return None


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_the_wheel_works_on_every_python_found(
    version: str, wheel: Path, clone: Path, tmp_path: Path
) -> None:
    python = _interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} here")
    made = installation.install(wheel, tmp_path, python)
    made.run("mlws-new", "workspace", "ws", "--defaults", "--origin", clone, folder=tmp_path)
    place = tmp_path / "ws"
    made.run("mlws-new", "experiment", "one", "--goal", "Find out a thing or two", folder=place)
    made.run("mlws", "check", folder=place)
    made.run("mlws", "status", folder=place)


def test_a_production_agent_passes_its_own_tests_and_tools(tmp_path: Path) -> None:
    folder = render("agent", {"agent_name": "helper"}, tmp_path / "helper")
    run([UV, "sync", "-q"], folder)
    tested = run([UV, "run", "pytest", "-q", "--cov", "tests/unit"], folder).output
    assert " passed" in tested
    for command in (
        ["ruff", "check"],
        ["ruff", "format", "--check"],
        ["mypy"],
        ["bandit", "-q", "-r", "src"],
    ):
        run([UV, "run", *command], folder)
