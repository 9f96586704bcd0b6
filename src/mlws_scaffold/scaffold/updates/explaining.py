"""An update in words: the title and text of its pull request."""

from __future__ import annotations

import re
from collections.abc import Iterator

from packaging.version import InvalidVersion, Version

from mlws_scaffold.adapters import process
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.scaffold.merging.outcome import Change, Step
from mlws_scaffold.scaffold.update import Plan

_CHANGELOG = "CHANGELOG.md"
_HEADING = re.compile(r"^##\s+\[?v?(\d[^\s\]]*)", re.MULTILINE)
_MOST = 40
_REMOTE = "origin"
_SECONDS = 300.0


def body(plan: Plan) -> str:
    """What a reviewer should know: versions, files, why, conflicts, things to do by hand."""
    parts = [
        "\n".join(f"- {step.project.name}: {step.project.version} -> {step.release.tag}"
                  for step in plan.steps),
        *(f"### Files of {step.project.name}\n\n{_files(step)}" for step in plan.steps
          if len(step.changes) > 1),
    ]  # fmt: skip
    if why := _why(plan):
        parts.append(f"### What is new in the template\n\n{why}")
    if plan.conflicts:
        rows = "\n".join(f"- `{path}`" for path in plan.conflicts)
        parts.append(
            f"### Conflicts: both sides changed the same lines; resolve them here\n\n{rows}"
        )
    todo = [*(text for step in plan.steps for text in step.warnings), *_migrations(plan)]
    if any(change.path == "pyproject.toml" for step in plan.steps for change in step.changes):
        todo.append("pyproject.toml changed: `uv sync`, and commit uv.lock")
    if todo:
        parts.append("### To look at by hand\n\n" + "\n".join(f"- {text}" for text in todo))
    return "\n\n".join(parts) + "\n"


def open_request(plan: Plan, branch: str) -> str | None:
    """Push the branch and open the pull request; its address, or None without `gh`.

    Raises MlwsError with what git or gh said.
    """
    if process.find("gh") is None:
        return None
    git = Git(plan.root)
    git.run("push", "--quiet", "--set-upstream", _REMOTE, branch, timeout=_SECONDS)
    command = ["gh", "pr", "create", "--head", branch, "--title", plan.title, "--body", body(plan)]
    if plan.conflicts:
        command.append("--draft")
    done = process.run(command, plan.root, timeout=_SECONDS)
    if done.status:
        raise MlwsError(f"gh pr create: {done.said}", f"the branch is pushed: {branch}")
    return done.output.strip()


def _files(step: Step) -> str:
    rows = [f"- {_word(change)}: `{_path(change)}`" for change in step.changes]
    more = [f"- and {len(rows) - _MOST} more"] if len(rows) > _MOST else []
    return "\n".join([*rows[:_MOST], *more])


def _word(change: Change) -> str:
    words = {"merged": "merged with your edits", "renamed": "renamed with your edits"}
    return words.get(change.how, change.how)


def _path(change: Change) -> str:
    return f"{change.before} -> {change.path}" if change.before else change.path


def _migrations(plan: Plan) -> Iterator[str]:
    for one in plan.migrations:
        yield f"migration of {one.project.name}, run by `mlws update --migrate`: `{one.text}`"


def _why(plan: Plan) -> str:
    """The sections of the template's changelog between the oldest version here and the new one."""
    if plan.templates is None:
        return ""
    step = plan.steps[-1]
    git = plan.templates.repository(step.project)
    shown = git.attempt("show", f"{step.release.commit}:{_CHANGELOG}")
    if shown.returncode:
        return ""
    try:
        first = min(Version(step.project.version) for step in plan.steps)
        last = Version(step.release.tag)
    except InvalidVersion:
        return ""
    found = []
    headings = list(_HEADING.finditer(shown.stdout))
    for number, heading in enumerate(headings):
        end = headings[number + 1].start() if number + 1 < len(headings) else len(shown.stdout)
        try:
            if first < Version(heading[1]) <= last:
                found.append("##" + shown.stdout[heading.start() : end].strip())
        except InvalidVersion:
            continue
    return "\n\n".join(found)
