"""`mlws ci`: the group; what the workflows of a workspace ask, so that no logic hides in YAML."""

from __future__ import annotations

import click

from mlws_scaffold.cli.lazy import LazyGroup

_COMMANDS = "mlws_scaffold.cli.commands"

TABLE = {
    "changed-agents": (f"{_COMMANDS}.ci_changed:changed_agents", "Agents that a change touches."),
    "changed-experiments": (
        f"{_COMMANDS}.ci_changed:changed_experiments",
        "Experiments that a change touches.",
    ),
}


@click.group(cls=LazyGroup, table=TABLE)
def ci() -> None:
    """What continuous integration asks: what changed, what is released, what was approved."""
