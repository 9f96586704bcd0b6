"""`mlws-new experiment | prototype | agent | model`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from mlws_scaffold.cli import answers, output, place
from mlws_scaffold.cli.commands import promotion
from mlws_scaffold.errors import UsageError
from mlws_scaffold.models import registry
from mlws_scaffold.scaffold import create
from mlws_scaffold.scaffold import promotion as promoting
from mlws_scaffold.workspace.config import Workspace
from mlws_scaffold.workspace.layout import Layout

_named = click.argument("name")
_researcher = click.option(
    "--researcher", default="", help="Handle of the owner (default: by git e-mail)."
)
_framework = click.option(
    "--framework",
    type=click.Choice(["pydantic-ai", "plain", "rag"]),
    help="What its agent.py answers with (default: pydantic-ai).",
)
_no_branch = click.option("--no-branch", is_flag=True, help="Stay on the current branch.")


@click.command(epilog='Example: mlws-new experiment chunking --goal "find the best chunk size"')
@_named
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
@_researcher
@_no_branch
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
    found, made = _make("experiment", named, options)
    following = [f"cd {shlex.quote(found.layout.relative(made.folder))}"]
    if (made.folder / "pyproject.toml").is_file():
        following.append("uv sync")
    _report(
        found,
        made,
        [*following, "uv run python train.py --config config.yaml", "git add . && git commit"],
    )


@click.command(epilog="Example: mlws-new prototype helper --model llama3.1-8b")
@_named
@click.option("--purpose", help="What it is for: one sentence.")
@click.option("--model", "model_key", help="A key of models/registry.yaml.")
@click.option(
    "--from",
    "source",
    metavar="EXPERIMENT",
    help="Take the package below src/ of an experiment along, and remember where it came from.",
)
@click.option("--dry-run", is_flag=True, help="With --from: only say what would be done.")
@_framework
@_researcher
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
    found, made = _make("prototype", named, {**options, "no_branch": True, "plan": plan})
    folder = shlex.quote(found.layout.relative(made.folder))
    _report(found, made, [f"cd {folder}", "uv run pytest .", "git add . && git commit"])


@click.command(epilog="Example: mlws-new agent helper --model llama3.1-8b")
@_named
@click.option("--purpose", help="What it is for: one sentence.")
@click.option("--model", "model_key", help="A key of models/registry.yaml.")
@click.option(
    "--from",
    "source",
    metavar="PROTOTYPE",
    help="Take agent.py, config.yaml, prompts/, src/ and the tests of a prototype along.",
)
@click.option("--dry-run", is_flag=True, help="With --from: only say what would be done.")
@_framework
@_researcher
@_no_branch
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
    found, made = _make("agent", named, {**options, "plan": plan})
    for remark in [] if source else promotion.warnings(here, made):
        output.note(f"warning: {remark}")
    folder = shlex.quote(found.layout.relative(made.folder))
    _report(found, made, [f"cd {folder}", "uv run pytest", "git add . && git commit"])


@click.command(epilog="Example: mlws-new model our-assistant --base llama3.1:8b")
@_named
@click.option("--base", help="The base model, as Ollama names it.")
@click.option("--system", help="The system prompt.")
@click.option(
    "--system-file",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="A text file with the system prompt, in any number of lines.",
)
@_researcher
@answers.options
def model(base: str | None, system: str | None, system_file: Path | None, **options: Any) -> None:
    """Make modelfiles/NAME.Modelfile and its entry in models/registry.yaml.

    A system prompt that no Modelfile can hold (nothing can be escaped in it) is refused.
    """
    prompt = answers.prompt(system, system_file)
    # The question is about one line; a prompt that is given is put in as it is.
    named = {"model_base": base, "model_system": None if prompt is None else "-"}
    found, made = _make("model", named, {**options, "no_branch": True, "system": prompt})
    name = shlex.quote(options["name"])
    _report(
        found,
        made,
        ["uv run mlws check models", f"uv run mlws model sync {name}", "git add . && git commit"],
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


def _make(
    kind: str, named: dict[str, Any], options: dict[str, Any]
) -> tuple[Workspace, create.Created]:
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
        return found, promoting.make(found, project, plan)
    return found, (create.model if kind == "model" else create.project)(found, project)


def _dry_run_fits(source: str | None, dry_run: bool) -> None:
    if dry_run and not source:
        raise UsageError("--dry-run shows what --from would do, and there is no --from")


def _report(found: Workspace, made: create.Created, following: list[str]) -> None:
    count = "1 file" if made.files == 1 else f"{made.files} files"
    output.line(f"made {found.layout.relative(made.folder)}: {count}")
    for remark in made.remarks:
        output.line(f"note: {remark}")
    if found.root != Path.cwd():
        output.line(f"(paths are from {found.root})")
    output.line("next:")
    for command in following:
        output.line(f"  {command}")
