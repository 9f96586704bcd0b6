"""Each variant of an experiment passes its own tests, trains, evaluates and resumes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.answer_sets import GOAL
from tests.support.installation import UV
from tests.support.rendering import render

pytestmark = pytest.mark.slow

PRIMARY = {"numpy": "accuracy", "sklearn": "accuracy", "rag": "mrr"}


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with what every experiment may import, scikit-learn and pytest."""
    folder = tmp_path_factory.mktemp("environment")
    project = tomllib.loads((render("workspace", {}, folder / "ws") / "pyproject.toml").read_text())
    shared = folder / "ws/shared/tools"
    wanted = [one for one in project["project"]["dependencies"] if one != "shared-tools"]
    wanted += [one for one in project["dependency-groups"]["core"] if "scikit-learn" in one]
    subprocess.run([UV, "venv", "-q", "--python", sys.executable, folder / "env"], check=True)
    made = folder / "env/bin/python"
    install = [UV, "pip", "install", "-q", "--python", made, "pytest", shared, *wanted]
    subprocess.run(install, check=True, timeout=600)
    return made


def _run(command: list[str | Path], folder: Path, store: Path) -> str:
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("PYTEST")},
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "MLFLOW_TRACKING_URI": store.as_uri(),
        "MPLBACKEND": "Agg",
    }
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("variant", sorted(PRIMARY))
def test_a_variant_works_in_a_workspace(variant: str, python: Path, tmp_path: Path) -> None:
    place = render("workspace", {}, tmp_path / "ws")
    answers = {**GOAL, "experiment_variant": variant, "experiment_notebooks": True}
    folder = render("experiment", answers, place / "experiments/active/researcher/one")
    store, metric = tmp_path / "store", PRIMARY[variant]
    assert f"name: {metric}," in (folder / "metadata.yaml").read_text()

    tested = _run([python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."], folder, store)
    assert " passed" in tested
    assert "skipped" not in tested

    trained = _run([python, "train.py", "--config", "config.yaml"], folder, store)
    assert f"\n{metric} " in trained
    measured = dict(
        line.split()
        for line in _run([python, "evaluate.py"], folder, store).splitlines()
        if line.startswith("test_")
    )
    chance = "test_chance_mrr" if variant == "rag" else "test_majority_share"
    assert float(measured[f"test_{metric}"]) > float(measured[chance]) + 0.3
    run_id = json.loads((folder / "outputs/run.json").read_text())["run_id"]
    (logged,) = store.glob(f"*/{run_id}/metrics")
    assert {metric, f"test_{metric}"} <= {path.name for path in logged.iterdir()}

    cells = json.loads((folder / "notebooks/explore.ipynb").read_text())["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    _run([python, "-c", code], folder / "notebooks", store)
