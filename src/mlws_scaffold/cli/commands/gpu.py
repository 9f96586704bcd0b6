"""`mlws gpu`: the group; each of its commands is a file of its own."""

from __future__ import annotations

import click

from mlws_scaffold.cli.lazy import LazyGroup

_COMMANDS = "mlws_scaffold.cli.commands"

TABLE = {
    "status": (f"{_COMMANDS}.gpu_status:status", "What works on the GPUs, and who has them."),
    "list": (f"{_COMMANDS}.gpu_list:list_reservations", "The reservations."),
    "reserve": (f"{_COMMANDS}.gpu_reserve:reserve", "Reserve GPUs: all that were asked, or none."),
    "extend": (f"{_COMMANDS}.gpu_change:extend", "Let a reservation end later, or earlier."),
    "release": (f"{_COMMANDS}.gpu_change:release", "End a reservation now."),
    "transfer": (f"{_COMMANDS}.gpu_change:transfer", "Give a reservation to another person."),
    "queue": (f"{_COMMANDS}.gpu_queue:queue", "Wait for GPUs: first come, first served."),
    "run": (f"{_COMMANDS}.gpu_run:run", "Run a command on reserved GPUs and no others."),
    "log": (f"{_COMMANDS}.gpu_list:show_log", "Who changed which reservation, and why."),
    "import": (f"{_COMMANDS}.gpu_import:import_file", "Bring in a file of the article's shape."),
}


@click.group(cls=LazyGroup, table=TABLE)
def gpu() -> None:
    """GPUs: what is there, who has it when, and running on what one has."""
