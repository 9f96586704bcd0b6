"""Puts a plan into the real work tree: fast-forward what is clean, stage the first conflict."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.scaffold.update import Plan
from mlws_scaffold.scaffold.updates import readiness, step
from mlws_scaffold.scaffold.updates.preview import Step
from mlws_scaffold.scaffold.updates.scratch import Scratch


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was committed, the update that stopped at conflicts, and those not begun."""

    done: tuple[Step, ...] = ()
    conflicted: Step | None = None
    waiting: tuple[Step, ...] = ()


def apply(plan: Plan) -> Outcome:
    """Fast-forward to the updates without conflict, then bring in the first one that has some.

    Ctrl-C waits until files and index agree. Raises MlwsError when the repository has changed since
    the plan was made, and writes nothing then.
    """
    if plan.scratch is None:
        return Outcome()
    clean = 0
    while clean < len(plan.steps) and not plan.steps[clean].conflicts:
        clean += 1
    done, rest = plan.steps[:clean], plan.steps[clean:]
    git = Git(plan.root)
    _refuse_outdated(git, plan, [*done, *rest[:1]])
    wanted = [update.commit for update in done[-1:]]
    wanted += [
        commit for update in rest[:1] for commit in (update.commit, update.base, update.theirs)
    ]
    with _undisturbed():
        _fetch(git, plan.scratch, wanted)
        if done:
            git.run("merge", "--quiet", "--ff-only", done[-1].commit)
        if rest:
            git.attempt("update-index", "-q", "--refresh")
            git.run("read-tree", "-m", "-u", "HEAD", rest[0].commit)
            top = Git(git.toplevel() or git.folder)
            top.run("update-index", "-z", "--index-info", stdin=step.stages(plan.scratch, rest[0]))
    return Outcome(done, rest[0] if rest else None, rest[1:])


def _refuse_outdated(git: Git, plan: Plan, begun: Sequence[Step]) -> None:
    if git.commit_of("HEAD") != plan.head:
        raise MlwsError("the branch moved while the update was planned", "run mlws update again")
    readiness.refuse_unfinished(git)
    readiness.refuse_dirty(git, [update.project.path for update in begun])
    # Paths that no commit holds yet: a clean tree has only ignored files there.
    changes = [change for update in begun for change in update.changes]
    added = [change.path for change in changes if change.how == "added"]
    deleted = [change.path for change in changes if change.how == "deleted"]
    readiness.refuse_in_the_way(plan.root, added, deleted)


def _fetch(git: Git, copy: Scratch, commits: Sequence[str]) -> None:
    names = [f"refs/mlws/{number}" for number in range(len(commits))]
    for name, commit in zip(names, commits, strict=True):
        copy.git.run("update-ref", name, commit)
    git.run(
        "-c", "gc.auto=0", "-c", "maintenance.auto=false",
        "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules",
        str(copy.git.folder), *names,
    )  # fmt: skip


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold back Ctrl-C and SIGTERM, for git below us too: a child inherits what is blocked."""
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
