"""`mlws-new model`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from mlws_scaffold.cli import answers
from mlws_scaffold.cli.commands import new_project


@click.command(epilog="Example: mlws-new model our-assistant --base llama3.1:8b")
@new_project.named
@click.option("--base", help="The base model, as Ollama names it.")
@click.option("--system", help="The system prompt.")
@click.option(
    "--system-file",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="A text file with the system prompt, in any number of lines.",
)
@new_project.researcher
@answers.options
def model(base: str | None, system: str | None, system_file: Path | None, **options: Any) -> None:
    """Make modelfiles/NAME.Modelfile and its entry in models/registry.yaml.

    A system prompt that no Modelfile can hold (nothing can be escaped in it) is refused.
    """
    prompt = answers.prompt(system, system_file)
    # The question is about one line; a prompt that is given is put in as it is.
    named = {"model_base": base, "model_system": None if prompt is None else "-"}
    found, made = new_project.make("model", named, {**options, "no_branch": True, "system": prompt})
    name = shlex.quote(options["name"])
    new_project.report(
        found,
        made,
        ["uv run mlws check models", f"uv run mlws model sync {name}", "git add . && git commit"],
    )
