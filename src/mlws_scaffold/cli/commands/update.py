"""`mlws update`: newer versions of the template, previewed, then merged as one commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.errors import MlwsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlws_scaffold.scaffold.merging.outcome import Change, Step
    from mlws_scaffold.scaffold.update import Plan
    from mlws_scaffold.scaffold.updates.applying import Outcome

# Options that stand alone, by parameter.
_ALONE = {"resume": "--continue", "abort": "--abort", "address": "--link", "own": "--own",
          "eject": "--eject"}  # fmt: skip
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
@click.option("--pr", is_flag=True, help="Open a pull request (by gh), or print its text.")
@click.option("--migrate", is_flag=True, help="With --here: run the template's migrations after.")
@click.option("--own", multiple=True, metavar="PATTERN", help="From now on the team's, not ours.")
@click.option("--eject", multiple=True, metavar="FILE", help="The same for a file that is there.")
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
    alone = [name for name in _ALONE if options[name]]
    if alone:
        return _alone(alone[0], options)
    return _update(options)


def _alone(name: str, options: dict[str, Any]) -> int:
    """What ends or prepares an update, and takes no other option."""
    others = {key for key, value in options.items() if value} - {name}
    flag = _ALONE[name]
    if others - ({"force"} if name == "abort" else set()):
        raise UsageError(f"{flag} stands alone", f"run mlws update {flag}, then the rest")
    if name == "address":
        return _link(options["address"])
    if name in ("own", "eject"):
        return _own(name, options[name])
    from mlws_scaffold.scaffold.updates import finishing

    if name == "abort":
        count = finishing.abort(place.root(), force=options["force"])
        output.line(f"taken back: {count} files are as before")
    else:
        output.line(f"finished: commit {finishing.resume(place.root())[:12]}")
    return 0


def _own(name: str, given: tuple[str, ...]) -> int:
    from mlws_scaffold.scaffold.updates import ownership

    root = place.root()
    taken = ownership.take(root, given) if name == "own" else ownership.eject(root, given)
    for pattern in taken:
        output.line(f"yours from now on: {pattern}")
    output.line("commit mlws.toml" if taken else "on the list already")
    return 0


def _update(options: dict[str, Any]) -> int:
    from mlws_scaffold.scaffold.updates import current

    if not any(options.values()) and (version := current.newest(place.root())):
        output.line(f"up to date: {version}")
        return 0
    from mlws_scaffold.scaffold import update as planning
    from mlws_scaffold.scaffold.updates import applying

    root, diff, as_json = place.root(), options["diff"], options["as_json"]
    if options["migrate"] and not options["here"]:
        raise UsageError(
            "--migrate works in the files", "with --here: mlws update --here --migrate"
        )
    if options["pr"] and options["here"]:
        raise UsageError("a pull request needs a branch of its own", "leave out --here")
    asked = _ask if options["ask"] else None
    request = planning.Request(options["only"], options["to"], options["origin"], asked)
    with planning.planned(root, request, output.note) as plan:
        if not as_json:
            show(plan, diff)
        done = applying.Outcome()
        if not diff:
            done = applying.apply(plan, here=options["here"], marked=options["pr"])
        if as_json:
            output.json_document(document(plan, done, diff))
        if options["pr"] and not diff and plan.steps:
            _request(plan, done.branch, output.note if as_json else output.line)
        elif not diff and not as_json:
            report(plan, done)
        if options["migrate"] and done.state == "here":
            _migrate(root, plan)
    return 1 if plan.conflicts else 0


def _request(plan: Plan, branch: str, tell: Callable[[str], None]) -> None:
    from mlws_scaffold.scaffold.updates import explaining

    address = explaining.open_request(plan, branch)
    if address is not None:
        tell(address)
        return
    tell(f"{plan.title}\n\n{explaining.body(plan)}")
    output.note(f"gh is not installed: push {branch} and open the pull request with this text")


def _migrate(root: Path, plan: Plan) -> None:
    from mlws_scaffold.scaffold.updates import migrating

    for text in migrating.run(root, plan.migrations):
        output.note(f"migrated: {text}")


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


def show(plan: Plan, diff: bool) -> None:
    """Print what a plan does to each file, with `diff` line by line."""
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
        output.line(f"migration of {migration.project.name}, not run: {migration.text}")


def _path(change: Change) -> str:
    return f"{change.before} -> {change.path}" if change.before else change.path


def report(plan: Plan, done: Outcome) -> None:
    """Print what was done. Raises MlwsError naming the files in conflict."""
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


def document(plan: Plan, done: Outcome, diff: bool) -> dict[str, Any]:
    """A plan and its outcome for JSON."""
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
