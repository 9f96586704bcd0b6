"""`mlws agent`: the group; each of its commands is a file of its own."""

from __future__ import annotations

import click

from mlws_scaffold.cli.lazy import LazyGroup

_COMMANDS = "mlws_scaffold.cli.commands"

TABLE = {
    "list": (f"{_COMMANDS}.agent_list:list_agents", "Prototypes and production agents."),
    "eval": (f"{_COMMANDS}.agent_eval:evaluate", "Judge what an agent answers by its cases."),
    "serve": (f"{_COMMANDS}.agent_serve:serve", "Let an agent answer on this machine."),
    "test": (f"{_COMMANDS}.agent_test:test", "Everything that must hold before others use it."),
    "build": (f"{_COMMANDS}.agent_build:build", "The image of a production agent."),
    "up": (f"{_COMMANDS}.agent_up:up", "Start a production agent in containers."),
    "down": (f"{_COMMANDS}.agent_down:down", "Stop its containers."),
    "deploy": (f"{_COMMANDS}.agent_deploy:deploy", "Bring a version to its users, step by step."),
    "rollback": (f"{_COMMANDS}.agent_rollback:rollback", "Bring back the version before."),
    "status": (f"{_COMMANDS}.agent_status:status", "What serves, since when, and how it is."),
    "history": (f"{_COMMANDS}.agent_history:history", "Who deployed what, and how it ended."),
    "release": (f"{_COMMANDS}.agent_release:release", "The next version, with its changelog."),
    "smoke": (f"{_COMMANDS}.agent_smoke:smoke", "Ask a running agent whether it works."),
}


@click.group(cls=LazyGroup, table=TABLE)
def agent() -> None:
    """Agents: look, serve, test, judge, build, start, stop, deploy."""
