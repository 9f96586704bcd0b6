"""`mlws update`: newer versions of the template, previewed, then one commit per project."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.errors import MlwsError, UsageError
from mlws_scaffold.scaffold import link as linking
from mlws_scaffold.scaffold import origin as origins
from mlws_scaffold.scaffold import update as planning
from mlws_scaffold.scaffold.update import Plan, Request
from mlws_scaffold.scaffold.updates import applying
from mlws_scaffold.scaffold.updates.applying import Outcome
from mlws_scaffold.scaffold.updates.preview import Step

_WORDS = {"merged": "merged with your edits"}


@click.command(epilog="Example: mlws update --diff --only agents/production/helpdesk")
@click.option(
    "--only", metavar="FOLDER", help="Only the project in this folder; . is the workspace itself."
)
@click.option(
    "--diff", is_flag=True, help="Show what would change, line by line, and write nothing."
)
@click.option("--to", metavar="TAG", help="The version to go to (default: the newest release).")
@click.option(
    "--origin", metavar="PLACE", help="Read the template from this clone or address instead."
)
@click.option("--link", "address", metavar="ADDRESS", help="Only record where updates come from.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def update(
    only: str | None,
    diff: bool,
    to: str | None,
    origin: str | None,
    address: str | None,
    as_json: bool,
) -> int:
    """Bring the template's newer version into the workspace and the projects in it.

    Nested projects come first, then the workspace: one commit each. Your edits stay. A file that
    both sides changed in the same place is left with markers for you, and the command exits 1.

    JSON: applied, notes, current (folders that need nothing), projects: [folder, kind, from, to,
    state (planned, updated, conflict, waiting), changes: [path, change], warnings, diff].
    """
    if address:
        if only or diff or to or origin or as_json:
            raise UsageError("--link stands alone", "link first, then update")
        return _link(address)
    request = Request(only, to, origin, look=diff)
    with planning.planned(place.root(), request, output.note) as plan:
        if not as_json:
            _show(plan, diff)
        outcome = Outcome() if diff else applying.apply(plan)
        if as_json:
            output.json_document(_document(plan, outcome, diff))
        elif not diff:
            _report(plan, outcome)
    return 1 if plan.conflicts else 0


def _link(address: str) -> int:
    changed = linking.link(place.root(), origins.find(address)).files
    for path in changed:
        output.line(f"linked: {path}")
    output.line(
        "git commit -a and uv lock come next" if changed else f"linked already to {address}"
    )
    return 0


def _show(plan: Plan, diff: bool) -> None:
    for note in plan.notes:
        output.note(f"note: {note}")
    if not plan.steps:
        versions = ", ".join(sorted({project.version for project in plan.current}))
        output.line(
            f"up to date: {versions}" if plan.current else "nothing here came from a template"
        )
    for step in plan.steps:
        output.line(f"{step.project.name}: {step.project.version} -> {step.release.tag}")
        for change in step.changes:
            output.line(f"  {_WORDS.get(change.how, change.how)}: {change.path}")
        for warning in step.warnings:
            output.line(f"  warning: {warning}")
        if diff:
            output.line(plan.difference(step))


def _report(plan: Plan, outcome: Outcome) -> None:
    if outcome.done:
        output.line(
            f"updated, one commit each: {', '.join(step.project.name for step in outcome.done)}"
        )
        if any(change.path == "pyproject.toml" for step in outcome.done for change in step.changes):
            output.line("next: uv sync, and commit uv.lock")
    if outcome.waiting:
        output.line(f"not begun: {', '.join(step.project.name for step in outcome.waiting)}")
    if outcome.conflicted is not None:
        raise _conflict(outcome.conflicted, plan.root)


def _conflict(step: Step, root: Path) -> MlwsError:
    # git takes a path from where one stands.
    folder = shlex.quote(os.path.relpath(root / step.project.path))
    files = "\n".join(f"  {path}" for path in step.conflicts)
    return MlwsError(
        f"{step.project.name}: changed here and in the template in the same place:\n{files}",
        f"resolve each, git add it, git commit -m '{step.title}', then mlws update again; "
        f"to give up: git restore --source=HEAD --staged --worktree -- {folder}",
    )


def _document(plan: Plan, outcome: Outcome, diff: bool) -> dict[str, Any]:
    return {
        "applied": bool(outcome.done or outcome.conflicted),
        "notes": list(plan.notes),
        "current": [project.path for project in plan.current],
        "projects": [_project(plan, step, outcome, diff) for step in plan.steps],
    }


def _project(plan: Plan, step: Step, outcome: Outcome, diff: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "folder": step.project.path,
        "kind": step.project.kind,
        "from": step.project.version,
        "to": step.release.tag,
        "state": _state(step, outcome),
        "changes": [{"path": change.path, "change": change.how} for change in step.changes],
        "warnings": list(step.warnings),
    }
    return {**shown, "diff": plan.difference(step)} if diff else shown


def _state(step: Step, outcome: Outcome) -> str:
    if step is outcome.conflicted:
        return "conflict"
    if step in outcome.waiting:
        return "waiting"
    return "updated" if step in outcome.done else "planned"
