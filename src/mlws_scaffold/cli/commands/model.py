"""`mlws model`: the group; each of its commands is a file of its own."""

from __future__ import annotations

import click

from mlws_scaffold.cli.lazy import LazyGroup

_COMMANDS = "mlws_scaffold.cli.commands"

TABLE = {
    "lint": (f"{_COMMANDS}.model_lint:lint_models", "What is wrong in the Modelfiles."),
    "list": (f"{_COMMANDS}.model_list:list_models", "The models of the registry."),
    "lock": (f"{_COMMANDS}.model_lock:lock_models", "What the team accepted, and what has moved."),
    "plan": (f"{_COMMANDS}.model_plan:plan_models", "What a sync would do, and why."),
    "sync": (f"{_COMMANDS}.model_sync:sync_models", "Make the Ollama server match the registry."),
}


@click.group(cls=LazyGroup, table=TABLE)
def model() -> None:
    """Models of the registry: look, lint, plan, sync, lock."""
