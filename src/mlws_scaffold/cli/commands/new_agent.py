"""`mlws-new prototype` and `mlws-new agent`."""

from __future__ import annotations

import shlex
import sys
from typing import Any

import click

from mlws_scaffold.cli import answers, output, place
from mlws_scaffold.cli.commands import new_project, promotion
from mlws_scaffold.errors import UsageError
from mlws_scaffold.models import registry

_purpose = click.option("--purpose", help="What it is for: one sentence.")
_model = click.option("--model", "model_key", help="A key of models/registry.yaml.")
_dry_run = click.option("--dry-run", is_flag=True, help="With --from: only say what would be done.")
_framework = click.option(
    "--framework",
    type=click.Choice(["pydantic-ai", "plain", "rag"]),
    help="What its agent.py answers with (default: pydantic-ai).",
)


@click.command(epilog="Example: mlws-new prototype helper --model llama3.1-8b")
@new_project.named
@_purpose
@_model
@click.option(
    "--from",
    "source",
    metavar="EXPERIMENT",
    help="Take the package below src/ of an experiment along, and remember where it came from.",
)
@_dry_run
@_framework
@new_project.researcher
@answers.options
def prototype(
    purpose: str | None, model_key: str | None, source: str | None, dry_run: bool, **options: Any
) -> None:
    """Make agents/prototypes/NAME on the current branch."""
    _dry_run_fits(source, dry_run)
    plan = promotion.of_experiment(place.workspace(), source) if source else None
    if plan and dry_run:
        promotion.show(place.workspace(), plan, place.workspace().layout.prototype(options["name"]))
        return
    chosen = model_key or _chosen_model(options)
    named = {
        "prototype_purpose": purpose,
        "prototype_model": chosen,
        "prototype_framework": options.pop("framework"),
    }
    found, made = new_project.make("prototype", named, {**options, "no_branch": True, "plan": plan})
    folder = shlex.quote(found.layout.relative(made.folder))
    new_project.report(found, made, [f"cd {folder}", "uv run pytest .", "git add . && git commit"])


@click.command(epilog="Example: mlws-new agent helper --model llama3.1-8b")
@new_project.named
@_purpose
@_model
@click.option(
    "--from",
    "source",
    metavar="PROTOTYPE",
    help="Take agent.py, config.yaml, prompts/, src/ and the tests of a prototype along.",
)
@_dry_run
@_framework
@new_project.researcher
@new_project.no_branch
@answers.options
def agent(
    purpose: str | None, model_key: str | None, source: str | None, dry_run: bool, **options: Any
) -> None:
    """Make agents/production/NAME on the branch feature/NAME-production.

    With --from everything of the prototype is carried byte for byte. It is refused while the tree
    is dirty, nobody known owns it, it has no tests or no baseline evaluation, or its model is below
    staging.
    """
    _dry_run_fits(source, dry_run)
    here = place.workspace()
    plan, framework = None, options.pop("framework")
    if source:
        found_prototype, plan = promotion.of_prototype(here, source)
        if dry_run:
            promotion.show(here, plan, here.layout.agent(options["name"]))
            return
        options["researcher"] = options["researcher"] or found_prototype.agent.owner
        before = promotion.answers_of(found_prototype)
        purpose, framework = purpose or before.purpose, framework or before.framework
        model_key = model_key or found_prototype.agent.model
    else:
        model_key = model_key or _chosen_model(options)
    named = {"agent_purpose": purpose, "agent_model": model_key, "agent_framework": framework}
    found, made = new_project.make("agent", named, {**options, "plan": plan})
    for remark in [] if source else promotion.warnings(here, made):
        output.note(f"warning: {remark}")
    for remark in promotion.remarks(plan):
        output.note(f"note: {remark}")
    folder = shlex.quote(found.layout.relative(made.folder))
    new_project.report(found, made, [f"cd {folder}", "uv run pytest", "git add . && git commit"])


def _chosen_model(options: dict[str, Any]) -> str | None:
    """Let a person pick from the registry; None leaves the default (no terminal, no choice)."""
    if options["defaults"] or not sys.stdin.isatty():
        return None
    keys = list(registry.load(place.workspace().layout).models)
    if len(keys) < 2:
        return None
    import questionary

    chosen: str | None = questionary.select("Which model does it use?", choices=keys).ask()
    if chosen is None:  # questionary's way of saying Ctrl-C
        raise KeyboardInterrupt
    return chosen


def _dry_run_fits(source: str | None, dry_run: bool) -> None:
    if dry_run and not source:
        raise UsageError("--dry-run shows what --from would do, and there is no --from")
