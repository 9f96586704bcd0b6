"""`mlws model plan`, and how a plan is shown."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from typing import Any

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.models import hosts
from mlws_scaffold.models.sync import plan
from mlws_scaffold.models.sync.decide import Step
from mlws_scaffold.models.sync.plan import Plan

_COLUMNS = ("state", "model", "ollama", "todo", "why")


@click.command("plan", epilog="Example: mlws model plan --check")
@click.argument("names", nargs=-1)
@click.option("--check", is_flag=True, help="Exit with 1 when server and registry differ.")
@click.option(
    "--host", default="", metavar="URL", help="Another Ollama server than this machine's."
)
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
def plan_models(names: tuple[str, ...], check: bool, host: str, as_json: bool) -> int:
    """Say what a sync would do with each model of the registry, or with those named, and why.

    Changes nothing. Models that the named ones are built on are part of the plan. States: up to
    date, adopt (right, and not recorded here yet), missing, drifted (another digest than expected
    or locked), Modelfile changed, base moved, changed outside, unjudged (its base is missing), not
    buildable, cloud; unknown (made for an earlier registry, asked for by nothing).

    JSON: a list of key, name, state, action (adopt, pull, build, copy, judge or empty), reason,
    cure, differences (a list of field, wanted, found).
    """
    workspace = place.workspace()
    found = plan.make(workspace, hosts.host_of(workspace, os.environ, host), names)
    if as_json:
        output.json_document([*rows(found)])
    else:
        show(found)
    return int(check and bool(found.drift))


def show(found: Plan) -> None:
    """A table of what is to be told, and a line for each cure."""
    told = [step for step in found.steps if not _is_silent(step)]
    lines = [_line(step) for step in told]
    lines += [
        {
            "state": "unknown",
            "model": one.name,
            "ollama": one.name,
            "why": f"{one.made_by} for an earlier registry: mlws model sync --prune removes it",
        }
        for one in found.leftovers
    ]
    output.table(_COLUMNS, lines, "the registry has no models: mlws-new model NAME")
    for step in told:
        if step.cure and not step.action and not step.settled:
            output.line(f"-> {step.wish.title}: {step.cure}")
    if found.steps and not found.drift:
        output.line(f"nothing to do: {found.host} holds what the registry asks for")


def rows(found: Plan) -> Iterator[dict[str, Any]]:
    """The plan as JSON has it."""
    for step in found.steps:
        yield {
            "key": step.wish.key,
            "name": step.wish.name,
            "state": step.state,
            "action": step.action,
            "reason": step.reason,
            "cure": step.cure,
            "differences": [dataclasses.asdict(one) for one in step.differences],
        }
    for one in found.leftovers:
        unknown = {"key": "", "name": one.name, "state": "unknown", "action": ""}
        yield {**unknown, "reason": "", "cure": "mlws model sync --prune", "differences": []}


def _is_silent(step: Step) -> bool:
    """The second name of a model is worth a line only when something is to be done with it."""
    return step.wish.kind == "copy" and step.state == "up to date"


def _line(step: Step) -> dict[str, object]:
    todo = "" if step.action == "judge" else step.action
    name = step.wish.name
    return {
        "state": step.state,
        "model": step.wish.title,
        "ollama": name,
        "todo": todo,
        "why": step.reason,
    }
