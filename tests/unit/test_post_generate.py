"""The hook that Copier runs: whatever the machine lacks, it reports and exits with 0."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from tests.support import fake_nvml, tiny_workspace
from tests.support.fake_ollama import FakeOllama, running

HOOK = Path(__file__).parents[2] / "hooks/post_generate.py"
AS_PYTHON_3_10 = (
    "import runpy, sys; sys.version_info = (3, 10, 13); sys.argv = ['hook', 'workspace'];"
    "runpy.run_path({hook!r}, run_name='__main__')"
)


def _run(root: Path, *command: str, **environment: str) -> str:
    """Run the hook in `root` as Copier does, and return what it said."""
    plain = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        command or (sys.executable, str(HOOK), "workspace"),
        cwd=root,
        env={**plain, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    return done.stderr


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tiny_workspace.make(tmp_path / "ws", answers="kind: workspace\ngpus: nvidia\n")


def test_a_bare_machine_gets_its_repository_and_a_plain_report(root: Path) -> None:
    said = _run(root)
    assert Git(root).branch() == "develop"
    assert "done     first commit" in said
    assert "skipped  Ollama: no Ollama server" in said
    assert "Traceback" not in said


def test_a_nested_kind_leaves_git_alone(root: Path) -> None:
    said = _run(root, sys.executable, str(HOOK), "agent")
    assert "skipped  git repository" in said
    assert not (root / ".git").exists()


def test_gpus_are_verified_through_the_drivers_library(root: Path, tmp_path: Path) -> None:
    library = {"LD_LIBRARY_PATH": str(fake_nvml.build(tmp_path))}
    said = _run(root, FAKE_NVML_COUNT="2", **library)
    assert "done     GPUs: 2 x NVIDIA Stub 9000 (80.0 GiB), driver 570.86.15" in said
    said = _run(root, FAKE_NVML_INIT="18", **library)
    assert "failed   GPUs: none found: version mismatch" in said
    assert "restart the machine" in said


def test_models_are_pulled_when_the_answers_say_so(root: Path) -> None:
    (root / ".copier-answers.yml").write_text("gpus: none\nsync_models: true\n")
    with running(FakeOllama(offered={"m:1"})) as fake:
        said = _run(root, OLLAMA_HOST=fake.url)
        assert list(fake.models) == ["m:1", "base:latest"]
    assert re.search(r"base: pulling [0-9a-f]{12}, 100 %", said)
    assert "all 1 models of the registry are there" in said


def test_a_server_that_answers_garbage_does_not_stop_it(root: Path) -> None:
    with running(FakeOllama(instead="garbage")) as fake:
        assert "is no Ollama server" in _run(root, OLLAMA_HOST=fake.url)


def test_an_older_python_is_told_what_to_run_instead(root: Path) -> None:
    said = _run(root, sys.executable, "-c", AS_PYTHON_3_10.format(hook=str(HOOK)))
    assert "Python 3.10" in said
    assert "scripts/setup-env.sh" in said
    assert not (root / ".git").exists()


def test_without_packages_git_and_gpus_are_still_looked_at(root: Path) -> None:
    said = _run(root, sys.executable, "-I", "-S", str(HOOK), "workspace")
    assert Git(root).branch() == "develop"
    assert " GPUs: " in said
    assert "skipped  Ollama: " in said


def test_without_our_package_it_says_how_to_go_on(root: Path, tmp_path: Path) -> None:
    alone = tmp_path / "template/hooks/post_generate.py"
    alone.parent.mkdir(parents=True)
    shutil.copy(HOOK, alone)
    said = _run(root, sys.executable, "-I", "-S", str(alone), "workspace")
    assert "No module named 'mlws_scaffold'" in said
    assert "scripts/setup-env.sh" in said


def test_even_our_own_bug_does_not_cost_the_project(root: Path, tmp_path: Path) -> None:
    hook = tmp_path / "template/hooks/post_generate.py"
    hook.parent.mkdir(parents=True)
    shutil.copy(HOOK, hook)
    package = tmp_path / "template/src/mlws_scaffold"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ZeroDivisionError('a bug')")
    assert "ZeroDivisionError: a bug" in _run(root, sys.executable, str(hook), "workspace")


def test_a_reader_that_went_away_changes_nothing(root: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        command = [sys.executable, str(HOOK), "workspace"]
        done = subprocess.run(command, cwd=root, stderr=writing, check=False)
    finally:
        os.close(writing)
    assert done.returncode == 0
    assert Git(root).branch() == "develop"
