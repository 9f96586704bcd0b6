"""`mlws-new workspace`."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path

import click

from mlws_scaffold.cli import answers, output
from mlws_scaffold.errors import UsageError
from mlws_scaffold.scaffold import create, origin


@click.command(epilog="Example: mlws-new workspace ml-workspace -d organisation='Acme' --defaults")
@click.argument("path", type=click.Path(path_type=Path))
@answers.options
@click.option(
    "--origin", "address", help="Git address (or path) of the template, for later updates."
)
@click.option(
    "--skip-hooks", is_flag=True, help="Only write the files: no git, no GPU and Ollama check."
)
def workspace(
    path: Path,
    data: tuple[str, ...],
    answers_file: Path | None,
    defaults: bool,
    ask_all: bool,
    address: str | None,
    skip_hooks: bool,
) -> None:
    """Make a workspace at PATH: rendered, put under git, this machine looked at."""
    if not (defaults or data or answers_file or sys.stdin.isatty()):
        raise UsageError(
            "there is no terminal to ask on", "add --defaults, or answer with -d or --answers"
        )
    wish = answers.collect(data, answers_file, {}, defaults=defaults, ask_all=ask_all)
    if wish.ask:
        wish = replace(wish, suggested=create.suggestions(path.absolute()))
    made = create.workspace(path, wish, origin.find(address))
    output.line(f"made {path}: {made.files} files")
    if skip_hooks:
        output.line("skipped  hooks: asked to; later: mlws setup")
    else:
        _set_up(path.absolute(), made)
    for remark in made.remarks:
        output.line(f"note: {remark}")
    output.line("next:")
    output.line(f"  cd {shlex.quote(str(path))}")
    output.line("  scripts/setup-env.sh")
    output.line('  uv run mlws-new experiment first-try --goal "what should be known at the end"')


def _set_up(root: Path, made: create.Created) -> None:
    from mlws_scaffold.cli.commands import pulls, steps
    from mlws_scaffold.scaffold import setup

    try:
        with pulls.watching() as watch:
            setup.after_generation(root, "workspace", made.answers, steps.show, watch)
    except KeyboardInterrupt:
        output.note("the files are whole; the set-up is not: mlws setup goes on with it")
        raise
