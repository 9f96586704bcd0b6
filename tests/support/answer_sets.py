"""The answers that the template tests render; together they reach every branch."""

from __future__ import annotations

from typing import Any

GOAL = {"experiment_goal": "Find out whether the smaller model is good enough"}

# Texts that break naive templates: each must come back exactly as typed.
NASTY = (
    'A "B": #1 🙂',
    "it's {{ not }} a {% template %}",
    "back\\slash \\n $(whoami) `id` ${HOME}",
    "null",
    "0123",
    "- [x] {y: z} & *a !t | > % @",
    "--- ... <!-- --> </script>",
    "ünïcode 中文 é",
    "x" * 300,
)

ANSWER_SETS: dict[str, tuple[str, dict[str, Any]]] = {
    "workspace-defaults": ("workspace", {}),
    "workspace-conda-gpu": (
        "workspace",
        {
            "environment": "conda",
            "gpus": "nvidia",
            "ollama_models": ["llama3.1:8b", "nomic-embed-text", "team/model:v1"],
            "stack": ["core", "torch", "transformers", "rag", "wandb"],
            "large_files": "lfs",
            "deployment": "kubernetes",
            "compute": "slurm",
            "container_registry": "ghcr.io/acme",
            "licence": "MIT",
            "commit_dashboard": True,
            "sync_models": True,
            "python_version": "3.12",
        },
    ),
    "workspace-small": (
        "workspace",
        {
            "ollama_models": [],
            "stack": [],
            "large_files": "dvc",
            "compute": "kubernetes",
            "licence": "BSD-3-Clause",
            "organisation": NASTY[0],
            "workspace_description": NASTY[2],
        },
    ),
    "workspace-slurm-cpu": ("workspace", {"compute": "slurm", "environment": "conda"}),
    "workspace-torch-cpu": ("workspace", {"stack": ["torch"], "workspace_description": ""}),
    "workspace-linked": (
        "workspace",
        {"_src_path": "gh:acme/mlws-scaffold", "_commit": "v1.2.3"},
    ),
    "workspace-linked-commit": (
        "workspace",
        {
            "_src_path": "https://git.example.org/t/mlws-scaffold.git",
            "_commit": "v1.2.3-4-gabc1234",
            "gpus": "nvidia",
            "compute": "slurm",
        },
    ),
    "workspace-linked-bare": ("workspace", {"_src_path": "https://git.example.org/t/m.git"}),
    "workspace-linked-path": (
        "workspace",
        {"_src_path": "/srv/templates/mlws scaffold", "_commit": "v1.2.3"},
    ),
    "workspace-unlinked": ("workspace", {"_src_path": "", "_commit": "v1.2.3"}),
    "experiment-defaults": ("experiment", dict(GOAL)),
    "experiment-full": (
        "experiment",
        {
            "experiment_name": "class",
            "experiment_goal": NASTY[0] * 2,
            "experiment_hypothesis": NASTY[1],
            "experiment_tags": ["rag", "medical"],
            "experiment_researcher": "sarah",
        },
    ),
    "experiment-sklearn": ("experiment", {**GOAL, "experiment_variant": "sklearn"}),
    "experiment-torch": ("experiment", {**GOAL, "experiment_variant": "torch"}),
    "experiment-isolated": (
        "experiment",
        {**GOAL, "experiment_isolated": True, "experiment_variant": "sklearn"},
    ),
    "experiment-isolated-torch": (
        "experiment",
        {**GOAL, "experiment_isolated": True, "experiment_variant": "torch"},
    ),
    "experiment-isolated-rag": (
        "experiment",
        {**GOAL, "experiment_isolated": True, "experiment_variant": "rag"},
    ),
    "experiment-isolated-numpy": ("experiment", {**GOAL, "experiment_isolated": True}),
    "experiment-rag": (
        "experiment",
        {**GOAL, "experiment_variant": "rag", "experiment_notebooks": True},
    ),
    "prototype-defaults": ("prototype", {}),
    "prototype-plain": ("prototype", {"prototype_framework": "plain"}),
    "prototype-rag": ("prototype", {"prototype_framework": "rag"}),
    "prototype-nasty": (
        "prototype",
        {"prototype_name": "q-and-a", "prototype_purpose": NASTY[0] * 2, "prototype_model": "m.1"},
    ),
    "agent-defaults": ("agent", {}),
    "agent-plain": ("agent", {"agent_framework": "plain"}),
    "agent-rag": ("agent", {"agent_framework": "rag"}),
    "agent-kubernetes": ("agent", {"agent_deployment": "kubernetes"}),
    "agent-nasty": (
        "agent",
        {"agent_name": "q-and-a", "agent_purpose": NASTY[2], "agent_owner": "sarah"},
    ),
    "model-defaults": ("model", {}),
    "model-nasty": ("model", {"model_name": "a.b", "model_system": NASTY[1]}),
}
