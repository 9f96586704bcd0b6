"""The project's own code is formatted, lint free and typed; its workflow is valid and safe."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.template.test_output import PINS

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("mypy",),
        ("shellcheck", ".ci/run", ".ci/test"),
        (
            "check-jsonschema",
            "--builtin-schema",
            "vendor.github-workflows",
            ".github/workflows/ci.yml",
        ),
        ("zizmor", "--offline", "--no-progress", "--quiet", ".github/workflows"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_the_tool_finds_nothing(command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_actions_are_pinned_to_commits_that_exist() -> None:
    for path in (ROOT / ".github/workflows").glob("*.yml"):
        for action, commit in re.findall(r"uses: ([\w./-]+)@(\w+)", path.read_text()):
            assert PINS.get(action) == commit, action


def test_the_version_is_written_once() -> None:
    from mlws_scaffold import __version__

    quoted = re.compile(rf'"{re.escape(__version__)}"')
    holders = [
        str(path.relative_to(ROOT))
        for path in [*(ROOT / "src").rglob("*.py"), ROOT / "pyproject.toml", ROOT / "copier.yml"]
        if quoted.search(path.read_text())
    ]
    assert holders == ["src/mlws_scaffold/__init__.py"]


def test_no_file_names_an_index_or_holds_a_lock() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "uv.lock" not in [Path(line).name for line in listed.stdout.splitlines()]
    assert "://" not in (ROOT / "constraints.txt").read_text()
