"""What the commands of `mlws-new` that make a project share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mlws_scaffold.cli import answers, output, place
from mlws_scaffold.scaffold import create
from mlws_scaffold.workspace.config import Workspace

named = click.argument("name")
researcher = click.option(
    "--researcher", default="", help="Handle of the owner (default: by git e-mail)."
)
no_branch = click.option("--no-branch", is_flag=True, help="Stay on the current branch.")


def make(
    kind: str, named: dict[str, Any], options: dict[str, Any]
) -> tuple[Workspace, create.Created]:
    """Collect the answers and make the project."""
    found = place.workspace()
    wish = answers.collect(
        options["data"],
        options["answers_file"],
        named,
        defaults=options["defaults"],
        ask_all=options["ask_all"],
    )
    project = create.Project(
        kind,
        options["name"],
        wish,
        options["researcher"],
        not options["no_branch"],
        options.get("system"),
    )
    plan = options.get("plan")
    if plan is not None:
        from mlws_scaffold.scaffold import promotion

        return found, promotion.make(found, project, plan)
    return found, (create.model if kind == "model" else create.project)(found, project)


def report(found: Workspace, made: create.Created, following: list[str]) -> None:
    """What was made, and what to do next."""
    count = "1 file" if made.files == 1 else f"{made.files} files"
    output.line(f"made {found.layout.relative(made.folder)}: {count}")
    for remark in made.remarks:
        output.line(f"note: {remark}")
    if found.root != Path.cwd():
        output.line(f"(paths are from {found.root})")
    output.line("next:")
    for command in following:
        output.line(f"  {command}")
