"""What breaks while generating breaks cleanly: no disk, no network, two people at once."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from tests.support.installation import Installation, run

pytestmark = pytest.mark.slow

# Stands in for a full disk. Without bytecode: half a .pyc would break every later start.
LIMITED = "ulimit -f 4; export PYTHONDONTWRITEBYTECODE=1; exec"


@pytest.fixture
def place(installed: Installation, clone: Path, tmp_path: Path) -> Path:
    installed.run("mlws-new", "workspace", "ws", "--defaults", "--origin", clone, folder=tmp_path)
    return tmp_path / "ws"


def test_a_disk_that_takes_no_more_leaves_nothing(installed: Installation, tmp_path: Path) -> None:
    command = f"{LIMITED} {installed.bin}/mlws-new workspace ws --defaults --skip-hooks"
    done = run(["bash", "-c", command], tmp_path, status=1)
    assert "rendering stopped" in done.output
    assert "cure:" in done.output
    assert list(tmp_path.iterdir()) == []


def test_a_project_that_cannot_be_written_leaves_branch_and_tree_as_they_were(
    installed: Installation, place: Path
) -> None:
    goal = "Find out a thing or two"
    command = f"{LIMITED} {installed.bin}/mlws-new experiment one --goal '{goal}'"
    before = run(["git", "branch", "--show-current"], place).output
    run(["bash", "-c", command], place, status=1)
    assert run(["git", "branch", "--show-current"], place).output == before
    assert run(["git", "status", "--porcelain"], place).output == ""
    assert run(["git", "branch", "--list", "experiment/*"], place).output == ""


def test_generating_needs_no_network(installed: Installation, tmp_path: Path) -> None:
    if subprocess.run(["unshare", "-rn", "true"], check=False, capture_output=True).returncode:
        pytest.skip("a namespace without a network cannot be made here")
    new = installed.bin / "mlws-new"
    run(["unshare", "-rn", new, "workspace", "ws", "--defaults"], tmp_path)
    goal = ["--goal", "Find out a thing or two"]
    run(["unshare", "-rn", new, "experiment", "one", *goal], tmp_path / "ws")
    run(["unshare", "-rn", installed.bin / "mlws", "check"], tmp_path / "ws")


def test_two_people_who_take_the_same_name_do_not_mix(installed: Installation, place: Path) -> None:
    def make(_number: int) -> int:
        command = ["mlws-new", "prototype", "same", "--defaults"]
        return installed.run(*command, folder=place, status=None).status

    with ThreadPoolExecutor(4) as people:
        statuses = sorted(people.map(make, range(4)))
    assert statuses[0] == 0
    assert statuses.count(0) == 1
    assert set(statuses[1:]) <= {1, 2}
    assert sorted(path.name for path in (place / "agents/prototypes").iterdir()) == [
        "README.md",
        "same",
    ]


def test_models_made_at_the_same_time_are_all_in_the_registry(
    installed: Installation, place: Path
) -> None:
    def make(number: int) -> int:
        return installed.run("mlws-new", "model", f"ours-{number}", folder=place).status

    with ThreadPoolExecutor(4) as people:
        assert set(people.map(make, range(4))) == {0}
    models = yaml.safe_load((place / "models/registry.yaml").read_text())["models"]
    assert {f"ours-{number}" for number in range(4)} <= set(models)
