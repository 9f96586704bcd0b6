"""`mlws`: operates a workspace."""

from __future__ import annotations

from pathlib import Path

import click

from mlws_scaffold import __version__
from mlws_scaffold.cli import boundary
from mlws_scaffold.cli.lazy import LazyGroup

_COMMANDS = "mlws_scaffold.cli.commands"

TABLE = {
    "setup": (
        f"{_COMMANDS}.setup:setup",
        "Prepare this clone: git, hooks, tracking, GPUs, models.",
    ),
    "status": (f"{_COMMANDS}.status:status", "The workspace on one screen."),
    "doctor": (f"{_COMMANDS}.doctor:doctor", "Examine this machine; every finding has a cure."),
    "check": (f"{_COMMANDS}.check:check", "Hold the workspace's files against its rules."),
    "update": (
        f"{_COMMANDS}.update:update",
        "Bring the template's newer version into the workspace.",
    ),
    "adopt": (f"{_COMMANDS}.adopt:adopt", "Bring an existing folder under the template."),
    "run": (f"{_COMMANDS}.run:run", "Run an experiment, recorded."),
    "reproduce": (f"{_COMMANDS}.reproduce:reproduce", "Repeat a recorded run and compare."),
    "ui": (f"{_COMMANDS}.ui:ui", "Show the runs in MLflow's own page."),
    "trace": (f"{_COMMANDS}.trace:trace_thing", "From an agent to its run, or from a run on."),
    "experiment": (f"{_COMMANDS}.experiment:experiment", "Find, compare, finish, hand over."),
    "data": (f"{_COMMANDS}.data:data", "Data of experiments: add, pull, verify."),
    "model": (f"{_COMMANDS}.model:model", "Models of the registry: list, sync."),
    "team": (f"{_COMMANDS}.team:team", "People: add, list; who is asked to review."),
    "adr": (f"{_COMMANDS}.adr:adr", "Decisions: list, supersede."),
    "knowledge": (f"{_COMMANDS}.knowledge:knowledge", "Indexes and memory of docs: sync."),
    "report": (f"{_COMMANDS}.report:report", "What it cost."),
    "gpu": (f"{_COMMANDS}.gpu:gpu", "GPUs: status, reservations, running on them."),
    "agent": (f"{_COMMANDS}.agent:agent", "Agents: list, serve, test, build, up, down."),
    "ci": (f"{_COMMANDS}.ci:ci", "What the workflows ask: what changed, what to release."),
}


@click.group(
    cls=LazyGroup,
    table=TABLE,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: mlws check experiments --format github",
)
@click.version_option(__version__, prog_name="mlws")
@click.option(
    "--root",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="The workspace (default: the one around the current folder).",
)
@click.option("--debug", is_flag=True, help="Show a traceback on failure.")
def app(root: Path | None, debug: bool) -> None:
    """Operate a machine-learning workspace made by mlws-new."""


def main() -> None:
    boundary.run(app, "mlws")
