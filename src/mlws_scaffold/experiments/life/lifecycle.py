"""The life of an experiment: which state may follow which, and what each state promises.

One table for the commands that move an experiment and for the checks that judge a pull request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlws_scaffold.errors import InvalidFile, MlwsError, Problem, UsageError, did_you_mean
from mlws_scaffold.experiments.index.entries import Entry
from mlws_scaffold.experiments.life import editing, summary
from mlws_scaffold.experiments.spec import CLOSED, STATUSES, Metadata
from mlws_scaffold.workspace.config import Workspace
from mlws_scaffold.workspace.layout import METADATA

ARCHIVED = "archived"

# One move at a time. From the archive only back to what it was, which `archived.from` tells.
MOVES: Mapping[str, tuple[str, ...]] = {
    "planned": ("in_progress", "abandoned"),
    "in_progress": ("blocked", "completed", "failed", "abandoned"),
    "blocked": ("in_progress", "abandoned"),
    "completed": (ARCHIVED,),
    "failed": (ARCHIVED,),
    "abandoned": (ARCHIVED,),
    ARCHIVED: CLOSED,
}


@dataclass(frozen=True, slots=True)
class Need:
    """A field that the named states promise, and how to fill it."""

    field: str
    states: tuple[str, ...]
    cure: str


NEEDS = (
    Need(
        "hypothesis",
        tuple(state for state in STATUSES if state != "planned"),
        "write what you expect, and why",
    ),
    Need("conclusion", (*CLOSED, ARCHIVED), "write what was learned"),
)
# States that also promise a filled results/summary.md.
NEED_SUMMARY = ("completed",)


@dataclass(frozen=True, slots=True)
class Move:
    """A move of an experiment, made or (in a dry run) only judged. `wrote` names the fields."""

    entry: Entry
    old: str
    new: str
    wrote: tuple[str, ...]


def following(state: str) -> tuple[str, ...]:
    """Every state that any number of legal moves can lead to, in the order of the table."""
    if state == ARCHIVED:
        return MOVES[state]
    reached: set[str] = set()
    ahead = [state]
    while ahead:
        new = [later for later in MOVES[ahead.pop()] if later not in reached]
        reached.update(new)
        # The way out of the archive leads back, never on to another end.
        ahead += [later for later in new if later != ARCHIVED]
    return tuple(other for other in STATUSES if other in reached)


def lacking(metadata: Metadata, state: str) -> list[Need]:
    """The fields that `state` promises and the metadata leaves empty."""
    return [
        need
        for need in NEEDS
        if state in need.states and not (getattr(metadata, need.field) or "").strip()
    ]


def refuse_illegal(metadata: Metadata, new: str) -> None:
    """Raise MlwsError unless one legal move leads from where the experiment is to `new`."""
    old = metadata.status
    allowed = MOVES[old]
    if old == ARCHIVED and metadata.archived:
        allowed = (metadata.archived.came_from,)
    if new not in allowed:
        raise MlwsError(f"{old} cannot become {new}", f"from {old}: {', '.join(allowed)}")


def move(
    place: Workspace, entry: Entry, state: str, fields: Mapping[str, str], *, dry: bool = False
) -> Move:
    """Move an experiment to `state` and write the fields that come with it.

    Naming the present state again only writes fields. Raises UsageError, MlwsError for a move that
    is not legal, InvalidFile with everything that the state promises and that is missing.
    """
    old = entry.metadata.status
    if state not in STATUSES:
        raise UsageError(f"no state {state!r}", did_you_mean(state, STATUSES))
    if ARCHIVED in (state, old):
        command = "unarchive" if old == ARCHIVED else "archive"
        raise UsageError(
            "the archive is a place as well as a state",
            f"mlws experiment {command} {entry.metadata.experiment_id}",
        )
    if state != old:
        refuse_illegal(entry.metadata, state)
    elif not fields:
        raise MlwsError(f"{entry.metadata.experiment_id} is {state} already")
    name = place.layout.relative(entry.folder / METADATA)
    changes: dict[str, Any] = {**fields, "status": state}
    if entry.metadata.updated:
        changes["updated"] = datetime.now(UTC).date()
    edited = editing.prepare(entry.folder / METADATA, name, changes)
    refuse_unearned(entry.folder, name, edited.metadata, state)
    if not dry:
        edited.write()
    return Move(Entry(entry.folder, edited.metadata), old, state, tuple(changes))


def refuse_unearned(folder: Path, name: str, metadata: Metadata, state: str) -> None:
    """Raise InvalidFile with everything that `state` promises and that the experiment lacks."""
    problems = [
        Problem(name, f"missing for {state}", f"{need.cure}: --{need.field} TEXT", need.field)
        for need in lacking(metadata, state)
    ]
    if state in NEED_SUMMARY:
        problems += summary.problems(folder, name.removesuffix(METADATA))
    if problems:
        raise InvalidFile(problems)
