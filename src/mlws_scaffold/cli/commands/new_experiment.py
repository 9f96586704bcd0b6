"""`mlws-new experiment`."""

from __future__ import annotations

import shlex
from typing import Any

import click

from mlws_scaffold.cli import answers, output, place
from mlws_scaffold.cli.commands import new_project
from mlws_scaffold.workspace.layout import Layout


@click.command(epilog='Example: mlws-new experiment chunking --goal "find the best chunk size"')
@new_project.named
@click.option("--goal", help="What should be known at the end: one sentence.")
@click.option("--hypothesis", help="What you expect, and why.")
@click.option("--tags", help="Comma-separated.")
@click.option(
    "--variant",
    type=click.Choice(["numpy", "sklearn", "torch", "rag"]),
    help="What the starting point is built on (default: numpy).",
)
@click.option("--notebooks", is_flag=True, default=None, help="Add a notebook.")
@click.option(
    "--isolated",
    is_flag=True,
    default=None,
    help="An environment of its own, for packages that do not fit the workspace's lock.",
)
@new_project.researcher
@new_project.no_branch
@answers.options
def experiment(goal: str | None, hypothesis: str | None, tags: str | None, **options: Any) -> None:
    """Make experiments/active/<you>/NAME on the branch experiment/<you>/NAME."""
    words = None if tags is None else [word.strip() for word in tags.split(",") if word.strip()]
    named = {
        "experiment_goal": goal,
        "experiment_hypothesis": hypothesis,
        "experiment_tags": words,
        "experiment_variant": options.pop("variant"),
        "experiment_notebooks": options.pop("notebooks"),
        "experiment_isolated": options.pop("isolated"),
    }
    _near(" ".join([options["name"], goal or "", *(words or ())]))
    found, made = new_project.make("experiment", named, options)
    following = [f"cd {shlex.quote(found.layout.relative(made.folder))}"]
    if (made.folder / "pyproject.toml").is_file():
        following.append("uv sync")
    new_project.report(
        found,
        made,
        [*following, "uv run python train.py --config config.yaml", "git add . && git commit"],
    )


def _near(text: str) -> None:
    """Say who tried something like it before; what is made does not depend on it."""
    root = place.root_if_any()
    if root is None:
        return
    from mlws_scaffold.experiments.index import search

    for hit in search.similar(Layout(root), text):
        where = f"{hit.path} on {hit.branch}" if hit.branch else hit.path
        output.note(f"note: similar: {hit.experiment_id} ({hit.status}): {hit.goal} [{where}]")
