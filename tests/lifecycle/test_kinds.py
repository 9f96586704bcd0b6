"""Each kind's own tests and tools pass on fresh output, on each Python that is found."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mlws_scaffold.agents import catalog, testing
from tests.support import installation
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


@pytest.mark.parametrize("framework", ["pydantic-ai", "plain", "rag"])
def test_a_production_agent_passes_its_own_tests_and_tools(framework: str, tmp_path: Path) -> None:
    answers = {"agent_name": "helper", "agent_framework": framework}
    folder = render("agent", answers, tmp_path / "agents/production/helper")
    found = catalog.Found(folder, "production", catalog.load(folder))
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{installation.UV.parent}{os.pathsep}{before}"
    try:
        verdicts = list(testing.run(tmp_path, found, testing.steps(found), lambda _: None))
    finally:
        os.environ["PATH"] = before
    assert [one.output for one in verdicts if not one.ok] == []
    (tests,) = [one.output for one in verdicts if one.name == "tests"]
    assert "Required test coverage of 80.0% reached" in tests
    assert "src/agent/server.py" in tests
    assert (folder / "uv.lock").is_file()


def test_a_production_agent_is_tested_with_the_code_its_workspace_shares(tmp_path: Path) -> None:
    folder = render("agent", {"agent_framework": "plain"}, tmp_path / "agents/production/helper")
    shared = tmp_path / "shared/tools/src/shared_tools"
    shared.mkdir(parents=True)
    (shared / "__init__.py").write_text("ANSWER: int = 42\n")
    (shared / "py.typed").touch()
    asking = "from shared_tools import ANSWER\n\n\ndef test_it_is_there() -> None:\n"
    (folder / "tests/unit/test_shared.py").write_text(f"{asking}    assert ANSWER == 42\n")
    found = catalog.Found(folder, "production", catalog.load(folder))
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{installation.UV.parent}{os.pathsep}{before}"
    try:
        asked = testing.steps(found, ("types", "tests"))
        verdicts = list(testing.run(tmp_path, found, asked, lambda _: None))
    finally:
        os.environ["PATH"] = before
    assert [one.output for one in verdicts if not one.ok] == []
