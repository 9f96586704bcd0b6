"""A pull request from a workflow: a branch, what changed, and the checks that must run on it.

GitHub starts no workflow for what a workflow's own token pushed. Required checks would then wait
for ever, so the workflows that report them are started by hand (`workflow_dispatch`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from mlws_scaffold.adapters import process
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError, UsageError

_SECONDS = 300.0
_WORKFLOWS = ".github/workflows"
_BOT = (
    "user.name=github-actions[bot]",
    "user.email=41898282+github-actions[bot]@users.noreply.github.com",
)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is asked for. `base`: the branch that it goes to. `dispatch`: start the checks."""

    branch: str
    title: str
    base: str
    dispatch: bool = True


def propose(root: Path, wish: Proposal, say: Callable[[str], None], *, dry: bool = False) -> bool:
    """Commit what changed (and commits made since `base`), push the branch, open a pull request.

    Returns False when there is nothing to propose. A branch that exists is replaced, and its pull
    request stays. Raises UsageError for a wrong branch name, MlwsError when git or gh refuses.
    """
    git = Git(root, _BOT)
    if wish.branch.startswith("-") or not git.ok("check-ref-format", "--branch", wish.branch):
        raise UsageError(f"{wish.branch!r} is no name for a branch", "such as deployments/helper-1")
    changed = git.changed()
    ahead = git.run("rev-list", "--count", f"origin/{wish.base}..HEAD")
    if not changed and ahead == "0":
        say(f"nothing to propose: all of it is on {wish.base}")
        return False
    say(f"{wish.branch}: {len(changed)} changed files, {ahead} commits before them")
    for path in changed:
        say(f"  {path}")
    started = _reporting(root) if wish.dispatch else []
    if dry:
        say(f"would open a pull request to {wish.base} and start {', '.join(started) or 'nothing'}")
        return True
    git.run("switch", "--quiet", "--force-create", wish.branch)
    if changed:
        git.run("add", "--all")
        git.run("commit", "--quiet", "--no-verify", "--message", wish.title)
    _push(git, wish.branch)
    _open(root, wish, say)
    for name in started:
        _gh(root, "workflow", "run", name, "--ref", wish.branch)
        say(f"started {name} for {wish.branch}")
    return True


def _push(git: Git, branch: str) -> None:
    done = git.attempt("push", "--quiet", "--force", "origin", f"HEAD:refs/heads/{branch}")
    if done.returncode:
        said = done.stderr.strip()
        cure = "the token needs contents: write"
        if "workflow" in said:
            cure = "only a GitHub App or a person may change workflows: see template-update.yml"
        raise MlwsError(f"{branch} could not be pushed: {said}", cure)


def _open(root: Path, wish: Proposal, say: Callable[[str], None]) -> None:
    fields = ("--head", wish.branch, "--base", wish.base)
    listed = _gh(root, "pr", "list", *fields, "--json", "url", "--jq", ".[].url")
    if listed.strip():
        say(f"its pull request is there already: {listed.strip()}")
        return
    said = _gh(root, "pr", "create", *fields, "--title", wish.title, "--body", wish.title)
    say(f"opened {said.strip()}")


def _reporting(root: Path) -> list[str]:
    """Workflows that report on pull requests and can be started by hand."""
    found = []
    for path in sorted((root / _WORKFLOWS).glob("*.yml")):
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        # YAML 1.1 reads the key `on` as true.
        events = data.get("on", data.get(True)) if isinstance(data, dict) else None
        if isinstance(events, dict | list) and {"pull_request", "workflow_dispatch"} <= {*events}:
            found.append(path.name)
    return found


def _gh(root: Path, *words: str) -> str:
    done = process.run(["gh", *words], root, timeout=_SECONDS)
    if done.status:
        raise MlwsError(
            f"gh {' '.join(words[:2])} failed: {done.said}",
            "the token needs pull-requests: write, actions: write, and pull requests by workflows"
            " must be allowed in the repository's settings",
        )
    return done.output
