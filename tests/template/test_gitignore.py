"""Each ignore rule holds in the real three-level tree, by git's own word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlws_scaffold.adapters.git import Git
from tests.support.rendering import render

pytestmark = pytest.mark.slow

EXPERIMENT = "experiments/active/sarah/rag"
IGNORED = (
    f"{EXPERIMENT}/outputs/best_model.npz",
    f"{EXPERIMENT}/runs/events.1",
    f"{EXPERIMENT}/wandb/run-1/x",
    f"{EXPERIMENT}/model.safetensors",
    f"{EXPERIMENT}/train.log",
    f"{EXPERIMENT}/.ipynb_checkpoints/a.ipynb",
    "experiments/archive/sarah/rag/outputs/x.bin",
    "mlruns/0/meta.yaml",
    "mlartifacts/1/x",
    "mlflow.db",
    "mlflow.db-wal",
    "datasets/large/corpus.txt",
    "models/checkpoints/ours/v1/model.bin",
    "models/checkpoints/ours/v1/weights.custom",
    "models/checkpoints/ours/v1/adapter/config.yaml",
    "models/checkpoints/ours/v1/adapter/README.md",
    "models/checkpoints/ours/v1/.model.bin.part",
    "models/checkpoints/ours/.v1.yaml.abc.new",
    "models/.mlws-lock",
    "agents/production/helper/.venv/bin/python",
    "shared/tools/src/shared_tools/__pycache__/x.pyc",
    ".env",
    "agents/production/helper/.env",
    ".idea/workspace.xml",
    "notes.swp",
    ".mlws/evidence/abc/test.json",
    "a.gguf",
    "b.pth",
)
KEPT = (
    f"{EXPERIMENT}/train.py",
    f"{EXPERIMENT}/results/summary.md",
    f"{EXPERIMENT}/src/exp_rag/outputs.py",
    f"{EXPERIMENT}/.copier-answers.yml",
    "models/checkpoints/ours/v1.yaml",
    "models/checkpoints/README.md",
    "models/registry.yaml",
    "models/tests/ours.yaml",
    "models/cards/ours.md",
    "models/history.jsonl",
    "models/benchmarks/ours/v1.json",
    "models/benchmarks/ours/v1.svg",
    "modelfiles/ours.Modelfile",
    ".env.example",
    ".vscode/settings.json",
    ".mlws/schemas/agent.json",
    "uv.lock",
    "datasets/reference.csv",
    "agents/production/helper/uv.lock",
    "leftover.rej",
)


def _ignored(tmp_path: Path, answers: dict[str, Any], paths: tuple[str, ...]) -> set[str]:
    folder = render("workspace", answers, tmp_path / "ws")
    git = Git(folder)
    git.run("init", "-q")
    done = git.attempt("check-ignore", "--no-index", "--stdin", stdin="\n".join(paths))
    return set(done.stdout.splitlines())


def test_what_should_be_ignored_is(tmp_path: Path) -> None:
    assert _ignored(tmp_path, {}, IGNORED) == set(IGNORED)


def test_what_should_be_committed_is_not_ignored(tmp_path: Path) -> None:
    assert _ignored(tmp_path, {}, KEPT) == set()


def test_with_lfs_weights_are_kept_by_lfs_instead(tmp_path: Path) -> None:
    weights = ("a.safetensors", f"{EXPERIMENT}/b.pth")
    assert _ignored(tmp_path, {"large_files": "lfs"}, weights) == set()
    for path in weights:
        said = Git(tmp_path / "ws").run("check-attr", "filter", "--", path)
        assert said.endswith("filter: lfs")


def test_with_dvc_weights_are_ignored_and_their_pointers_kept(tmp_path: Path) -> None:
    weights = ("a.safetensors", "models/checkpoints/ours/v1/adapter/config.yaml")
    pointers = tuple(f"{path}.dvc" for path in weights)
    described = "models/checkpoints/ours/v1.yaml"
    paths = (*weights, *pointers, described)
    assert _ignored(tmp_path, {"large_files": "dvc"}, paths) == set(weights)


@pytest.mark.parametrize("committed", [True, False])
def test_the_dashboard_is_ignored_unless_the_answers_say_otherwise(
    committed: bool, tmp_path: Path
) -> None:
    page = "docs/experiment-dashboard.html"
    ignored = _ignored(tmp_path, {"commit_dashboard": committed}, (page,))
    assert ignored == (set() if committed else {page})
