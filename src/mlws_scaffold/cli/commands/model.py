"""`mlws model`: the group; each of its commands is a file of its own."""

from __future__ import annotations

import click

from mlws_scaffold.cli.lazy import LazyGroup

_COMMANDS = "mlws_scaffold.cli.commands"

TABLE = {
    "list": (f"{_COMMANDS}.model_list:list_models", "The models of the registry."),
    "show": (f"{_COMMANDS}.model_show:show", "Everything known of one model."),
    "lock": (f"{_COMMANDS}.model_lock:lock_models", "What the team accepted, and what has moved."),
    "plan": (f"{_COMMANDS}.model_plan:plan_models", "What a sync would do, and why."),
    "sync": (f"{_COMMANDS}.model_sync:sync_models", "Make the Ollama server match the registry."),
    "lint": (f"{_COMMANDS}.model_lint:lint_models", "What is wrong in the Modelfiles."),
    "add": (f"{_COMMANDS}.model_add:add", "Keep trained weights and describe them in git."),
    "pull": (f"{_COMMANDS}.model_pull:pull", "Fetch the weights of a model."),
    "verify": (f"{_COMMANDS}.model_verify:verify", "Compare weights with their hashes."),
    "benchmark": (f"{_COMMANDS}.model_benchmark:measure", "Measure how fast a model answers."),
    "promote": (f"{_COMMANDS}.model_promote:promote", "One step further, through the gates."),
    "rollback": (f"{_COMMANDS}.model_rollback:rollback", "The version before, back."),
    "history": (f"{_COMMANDS}.model_history:history", "Who moved it, when, why; what was live."),
}


@click.group(cls=LazyGroup, table=TABLE)
def model() -> None:
    """Models of the registry: look, plan, sync, measure, promote, and keep trained weights."""
