"""`mlws update`: newer versions of the template, previewed, then merged as one commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.errors import MlwsError, UsageError

if TYPE_CHECKING:
    from mlws_scaffold.scaffold.merging.outcome import Change, Step
    from mlws_scaffold.scaffold.update import Plan
    from mlws_scaffold.scaffold.updates.applying import Outcome

_WORDS = {"merged": "merged with your edits", "renamed": "renamed with your edits carried along"}


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
@click.option("--here", is_flag=True, help="Commit on the current branch, not on one of its own.")
@click.option("--ask", is_flag=True, help="Ask the template's new questions.")
@click.option("--continue", "resume", is_flag=True, help="Commit an update after its conflicts.")
@click.option("--abort", is_flag=True, help="Put everything back as before the update.")
@click.option("--force", is_flag=True, help="With --abort: also what was edited since.")
@click.option("--link", "address", metavar="ADDRESS", help="Only record where updates come from.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def update(**options: Any) -> int:
    """Bring the template's newer version into the workspace and the projects in it.

    One commit on the branch mlws/update-VERSION; your branch and your files stay as they are. With
    --here it goes onto the current branch. Your edits stay. Where both sides changed the same
    lines, the files get markers for you: resolve them, git add them, --continue; or --abort.

    JSON: state (planned, nothing, branch, here, conflicts), branch, commit, notes, migrations,
    current (folders that need nothing), projects: [folder, kind, from, to, changes: [path, change,
    before], warnings, diff].
    """
    alone = [name for name in ("resume", "abort", "address") if options[name]]
    if alone:
        return _alone(alone[0], options)
    return _update(options)


def _alone(name: str, options: dict[str, Any]) -> int:
    """What ends or prepares an update, and takes no other option."""
    others = {key for key, value in options.items() if value} - {name}
    if others - ({"force"} if name == "abort" else set()):
        flag = {"resume": "--continue", "address": "--link"}.get(name, "--abort")
        cure = "link first, then update" if name == "address" else f"run mlws update {flag}"
        raise UsageError(f"{flag} stands alone", cure)
    if name == "address":
        return _link(options["address"])
    from mlws_scaffold.scaffold.updates import finishing

    if name == "abort":
        count = finishing.abort(place.root(), force=options["force"])
        output.line(f"taken back: {count} files are as before")
    else:
        output.line(f"finished: commit {finishing.resume(place.root())[:12]}")
    return 0


def _update(options: dict[str, Any]) -> int:
    from mlws_scaffold.scaffold.updates import current

    if not any(options.values()) and (version := current.newest(place.root())):
        output.line(f"up to date: {version}")
        return 0
    from mlws_scaffold.scaffold import update as planning
    from mlws_scaffold.scaffold.updates import applying

    root, diff, as_json = place.root(), options["diff"], options["as_json"]
    asked = _ask if options["ask"] else None
    request = planning.Request(options["only"], options["to"], options["origin"], asked)
    with planning.planned(root, request, output.note) as plan:
        if not as_json:
            _show(plan, diff)
        done = applying.Outcome() if diff else applying.apply(plan, here=options["here"])
        if as_json:
            output.json_document(_document(plan, done, diff))
        elif not diff:
            _report(plan, done)
    return 1 if plan.conflicts else 0


def _ask(name: str, question: Any) -> Any:
    """A new question on the terminal."""
    text = f"{question.get('help') or name}"
    return click.prompt(text, default=question["default"], err=True)


def _link(address: str) -> int:
    from mlws_scaffold.scaffold import link as linking
    from mlws_scaffold.scaffold import origin as origins

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
            output.line(f"  {_WORDS.get(change.how, change.how)}: {_path(change)}")
        for warning in step.warnings:
            output.line(f"  warning: {warning}")
        if diff:
            output.line(plan.difference(step))
    for migration in plan.migrations:
        output.line(f"migration of {migration.project.name}: {migration.text}")


def _path(change: Change) -> str:
    return f"{change.before} -> {change.path}" if change.before else change.path


def _report(plan: Plan, done: Outcome) -> None:
    if done.state == "branch":
        output.line(f"one commit on the branch {done.branch}; to take it: git merge {done.branch}")
    if done.state == "here":
        output.line(f"updated in one commit: {done.commit[:12]}")
    changed = [change.path for step in plan.steps for change in step.changes]
    if done.state in ("here", "branch") and "pyproject.toml" in changed:
        output.line("next: uv sync, and commit uv.lock")
    if done.state == "conflicts":
        files = "\n".join(f"  {path}" for path in plan.conflicts)
        raise MlwsError(
            f"changed here and in the template in the same place:\n{files}",
            "resolve each, git add it, mlws update --continue; to give up: mlws update --abort",
        )


def _document(plan: Plan, done: Outcome, diff: bool) -> dict[str, Any]:
    return {
        "state": "planned" if diff else done.state,
        "branch": done.branch,
        "commit": done.commit,
        "notes": list(plan.notes),
        "migrations": [f"{one.project.name}: {one.text}" for one in plan.migrations],
        "current": [project.path for project in plan.current],
        "projects": [_project(plan, step, diff) for step in plan.steps],
    }


def _project(plan: Plan, step: Step, diff: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "folder": step.project.path,
        "kind": step.project.kind,
        "from": step.project.version,
        "to": step.release.tag,
        "changes": [
            {"path": change.path, "change": change.how, "before": change.before}
            for change in step.changes
        ],
        "warnings": list(step.warnings),
    }
    return {**shown, "diff": plan.difference(step)} if diff else shown
