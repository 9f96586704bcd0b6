"""`mlws experiment`: the group; each of its commands is a file of its own."""

from __future__ import annotations

import click

from mlws_scaffold.cli.lazy import LazyGroup

_COMMANDS = "mlws_scaffold.cli.commands"

TABLE = {
    "list": (f"{_COMMANDS}.experiment_index:list_experiments", "All experiments, on all branches."),
    "show": (f"{_COMMANDS}.experiment_index:show", "One experiment: what it declares and gave."),
    "search": (f"{_COMMANDS}.experiment_index:search", "Did someone already try this?"),
    "compare": (
        f"{_COMMANDS}.experiment_compare:compare",
        "Configurations and metrics side by side.",
    ),
    "runs": (f"{_COMMANDS}.experiment_runs:runs", "Recorded and unrecorded runs."),
    "sync": (f"{_COMMANDS}.experiment_life:sync", "Write `results` from the best run."),
    "set-status": (
        f"{_COMMANDS}.experiment_life:set_status",
        "Move an experiment to another state.",
    ),
    "archive": (
        f"{_COMMANDS}.experiment_life:archive",
        "Put a finished experiment into the archive.",
    ),
    "unarchive": (
        f"{_COMMANDS}.experiment_life:unarchive",
        "Take an experiment out of the archive.",
    ),
    "handoff": (f"{_COMMANDS}.experiment_handoff:handoff", "Hand an experiment over to somebody."),
    "reap": (f"{_COMMANDS}.experiment_runs:reap", "End runs whose process is gone."),
}


@click.group(cls=LazyGroup, table=TABLE)
def experiment() -> None:
    """Experiments: find, compare, finish, hand over."""
