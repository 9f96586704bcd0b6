"""Puts a plan into the repository: a commit on a branch, or in place, or conflicts to resolve."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from mlws_scaffold.adapters import files
from mlws_scaffold.adapters.git import Git, GitError
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.scaffold.merging.private import Private
from mlws_scaffold.scaffold.update import Plan
from mlws_scaffold.scaffold.updates import journal, readiness
from mlws_scaffold.scaffold.updates.journal import Journal
from mlws_scaffold.scaffold.updates.readiness import Repository

REFERENCE = "refs/heads/"
_NONE = "0" * 40


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done: nothing, a commit on a branch of its own or on the current one, conflicts."""

    state: Literal["nothing", "branch", "here", "conflicts"] = "nothing"
    branch: str = ""
    commit: str = ""


def apply(plan: Plan, *, here: bool, marked: bool = False) -> Outcome:
    """Apply all steps of a plan, or none: as one commit, on a branch of its own unless `here`.

    With conflicts the work tree holds them and nothing is committed, unless `marked`: then the
    commit on the branch has the markers in it, for a review to resolve. Ctrl-C waits until files
    and index agree. Raises MlwsError before anything is written when the update would touch what is
    not committed, or when the repository has changed since the plan was made.
    """
    if not plan.steps or plan.private is None:
        return Outcome()
    repository = plan.repository
    with alone(repository), undisturbed():
        journal.sweep(repository)
        _refuse_outdated(plan)
        branch = "" if here else plan.branch
        if branch and (made := _made_before(repository, plan, branch, marked=marked)):
            return made
        _publish(plan.private, repository, plan)
        if branch and (marked or not plan.conflicts):
            repository.git.run("update-ref", f"{REFERENCE}{branch}", plan.commit, _NONE)
            return Outcome("branch", branch, plan.commit)
        written = _journal(plan, branch)
        carry_out(repository, written)
    state: Literal["here", "conflicts"] = "conflicts" if plan.conflicts else "here"
    return Outcome(state, branch, "" if plan.conflicts else plan.commit)


def carry_out(repository: Repository, entry: Journal) -> None:
    """What follows the journal: files and index, then the branch or the conflicts."""
    git = repository.git
    git.run("read-tree", "-m", "-u", entry.head, entry.commit)
    journal.mark_applied(repository)
    if not entry.conflicts:
        git.run("update-ref", "-m", entry.title, "HEAD", entry.commit, entry.head)
        journal.remove(repository)
        return
    rows = []
    for path, stages in entry.stages.items():
        rows.append(f"0 {'0' * len(entry.head)}\t{path}")
        rows += [f"{mode} {oid} {number}\t{path}" for number, (mode, oid) in stages.items()]
    stage(git, rows)
    (repository.folder / "MERGE_MSG").write_text(f"{entry.title}\n")
    if entry.branch:
        # The files are the same on both: only the name changes that a commit will move.
        git.run("update-ref", f"{REFERENCE}{entry.branch}", entry.head, _NONE)
        git.run("symbolic-ref", "HEAD", f"{REFERENCE}{entry.branch}")


def stage(git: Git, rows: list[str]) -> None:
    data = "".join(f"{row}\0" for row in rows).encode("utf-8", "surrogateescape")
    done = git.raw("update-index", "-z", "--index-info", stdin=data)
    if done.returncode:
        raise GitError(f"git update-index failed: {done.stderr.decode('utf-8', 'replace')}")


def _refuse_outdated(plan: Plan) -> None:
    repository = plan.repository
    git = repository.git
    if git.commit_of("HEAD") != repository.head:
        raise MlwsError("the branch moved while the update was planned", "run mlws update again")
    readiness.refuse_unfinished(repository)
    git.attempt("update-index", "-q", "--refresh")
    entries = plan.entries
    readiness.refuse_dirty(repository, entries)
    before = readiness.listing(repository)
    added = [path for path, entry in entries.items() if entry and path not in before]
    deleted = {path for path, entry in entries.items() if entry is None}
    readiness.refuse_in_the_way(repository.top, added, deleted)


def _made_before(
    repository: Repository, plan: Plan, branch: str, *, marked: bool
) -> Outcome | None:
    """The same update on its branch already, or None. Raises MlwsError for another one there."""
    git = repository.git
    there = git.commit_of(f"{REFERENCE}{branch}")
    if there is None:
        return None
    assert plan.private is not None  # noqa: S101 - `apply` returned otherwise
    tree = plan.private.git.run("rev-parse", f"{plan.commit}^{{tree}}")
    same = git.attempt("rev-parse", f"{there}^{{tree}}", f"{there}^").stdout.split()
    if (marked or not plan.conflicts) and same == [tree, repository.head]:
        return Outcome("branch", branch, there)
    raise MlwsError(
        f"the branch {branch} is there already, from another state of the workspace",
        f"merge it, or git branch -D {branch}, and run mlws update again",
    )


def _publish(private: Private, repository: Repository, plan: Plan) -> None:
    """Copy what the result and the conflicts need into the user's objects, and nothing else."""
    stages = {oid for step in plan.steps for sides in step.stages.values()
              for _, oid in sides.values()}  # fmt: skip
    names = "\n".join([plan.commit, *sorted(stages), f"^{repository.head}", ""])
    packed = private.git.raw("pack-objects", "--revs", "--stdout", "-q", stdin=names.encode())
    if packed.returncode:
        said = packed.stderr.decode("utf-8", "replace").strip()
        raise GitError(f"git pack-objects failed: {said}")
    done = repository.git.raw("unpack-objects", "-q", stdin=packed.stdout)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise GitError(f"the update could not be stored: {said}")


def _journal(plan: Plan, branch: str) -> Journal:
    repository = plan.repository
    git = repository.git
    before = readiness.listing(repository)
    paths = dict(plan.entries)
    stages = {path: sides for step in plan.steps for path, sides in step.stages.items()}
    # A conflict may leave a file as it is (a binary) and still be in the index.
    for path in stages:
        paths.setdefault(path, before.get(path))
    kept, contents = journal.keep(repository, paths, before)
    entry = Journal(
        head=repository.head,
        reference=git.attempt("symbolic-ref", "--quiet", "HEAD").stdout.strip(),
        branch=branch,
        commit=plan.commit,
        title=plan.title,
        conflicts=tuple(sorted(stages)),
        stages=stages,
        paths=tuple(kept),
        folders=tuple(journal.missing_folders(repository.top, paths)),
    )
    journal.write(repository, entry, contents)
    return entry


@contextlib.contextmanager
def alone(repository: Repository) -> Iterator[None]:
    """One update of a repository at a time."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(files.locked(repository.folder, wait=False))
        except BlockingIOError:
            raise MlwsError("another mlws update is at work here", "wait for its end") from None
        yield


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Hold back Ctrl-C and SIGTERM, for git below us too: a child inherits what is blocked."""
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
