"""`mlws-new`: generates a workspace, and experiments, prototypes, agents and models in it."""

from __future__ import annotations

from pathlib import Path

import click

from mlws_scaffold import __version__
from mlws_scaffold.cli import boundary
from mlws_scaffold.cli.lazy import LazyGroup
from mlws_scaffold.errors import UsageError

_COMMANDS = "mlws_scaffold.cli.commands"

TABLE = {
    "workspace": (f"{_COMMANDS}.new_workspace:workspace", "A team's monorepo, ready to work in."),
    "experiment": (f"{_COMMANDS}.new_experiment:experiment", "An experiment on its own branch."),
    "prototype": (f"{_COMMANDS}.new_agent:prototype", "A light agent, no review needed."),
    "agent": (f"{_COMMANDS}.new_agent:agent", "A production agent: server, tests, image."),
    "model": (f"{_COMMANDS}.new_model:model", "A Modelfile and its registry entry."),
    "adr": (f"{_COMMANDS}.new_knowledge:adr", "A decision, written down."),
    "learning": (f"{_COMMANDS}.new_knowledge:learning", "What nobody should have to learn twice."),
}


@click.group(
    cls=LazyGroup,
    table=TABLE,
    invoke_without_command=True,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: mlws-new workspace ml-workspace --defaults",
)
@click.version_option(__version__, prog_name="mlws-new")
@click.option(
    "--root",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="The workspace to make a project in (default: the one around the current folder).",
)
@click.option("--debug", is_flag=True, help="Show a traceback on failure.")
@click.option("--list", "listing", is_flag=True, help="Kinds, variants, agents worth a look.")
@click.option("--json", "as_json", is_flag=True, help="With --list: print it as JSON.")
@click.pass_context
def new(context: click.Context, /, listing: bool, as_json: bool, **_elsewhere: object) -> None:
    """Generate a machine-learning workspace and the projects in it.

    JSON of --list: a list of what (kind, variant, agent), kind, name, about, how.
    """
    if (listing or as_json) and (context.invoked_subcommand or not listing):
        raise UsageError("--list stands alone, and --json with it", "mlws-new --list --json")
    if listing:
        from mlws_scaffold.cli.commands import offers

        offers.show({name: about for name, (_, about) in TABLE.items()}, as_json)
    elif context.invoked_subcommand is None:
        raise UsageError("say what to make", "mlws-new --list")


def main() -> None:
    boundary.run(new, "mlws-new")
