"""What the lock file says against what a server holds, and accepting what has moved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from mlws_scaffold.adapters import files, ollama
from mlws_scaffold.models.sync import lockfile, plan
from mlws_scaffold.models.sync.decide import Facts, Step
from mlws_scaffold.models.sync.lockfile import Locked
from mlws_scaffold.models.sync.order import Wish
from mlws_scaffold.models.sync.plan import Demand, Looks
from mlws_scaffold.models.sync.record import Record
from mlws_scaffold.models.sync.server import PATIENT
from mlws_scaffold.workspace.config import Workspace

State = Literal[
    "locked", "to be built", "moved", "not locked", "not on the server", "not in the registry"
]


@dataclass(frozen=True, slots=True)
class Row:
    """One entry: digests are `sha256:` and 64 hex digits, empty where there is none."""

    key: str
    name: str
    state: State
    locked: str = ""
    found: str = ""
    reason: str = ""

    @property
    def ok(self) -> bool:
        """What is not on the server says nothing about the lock."""
        return self.state in ("locked", "not on the server")


def compare(place: Workspace, host: str, keys: Sequence[str] = ()) -> list[Row]:
    """Each entry that can be locked. Raises UsageError, InvalidFile, Unavailable."""
    asked, facts, steps = _look(place, host, keys)
    rows = [_row(step, asked, facts) for step in steps]
    if asked.is_whole:
        rows += _strangers(asked)
    return rows


def update(place: Workspace, host: str, keys: Sequence[str] = ()) -> bool:
    """Accept what the server holds: of these entries, or of all. Says whether the lock changed.

    What is not as the registry says is not accepted: a sync makes it so, and locks it.
    """
    asked, facts, steps = _look(place, host, keys)
    right = [step.wish for step in steps if _is_acceptable(step)]
    moved = {
        step.wish.key: lock.model_copy(update={"base_digest": f"sha256:{base}", "digest": None})
        for step in steps
        if step.wish.kind == "build" and step.wish not in right
        for lock in [asked.locked.get(step.wish.key)]
        for base in [facts.digest(step.wish.source)]
        if lock is not None and lock.base_digest and base and lock.base_digest != f"sha256:{base}"
    }
    layout = place.layout
    with files.locked(layout.registry.parent):
        now = lockfile.read(layout)
        after = {**now, **moved, **found(asked, facts, right)}
        after = {key: one for key, one in after.items() if key in asked.registry.models}
        still = {key: now[key] for key in after if key in now and _same(now[key], after[key])}
        return lockfile.write(layout, {**after, **still})


def found(asked: Demand, facts: Facts, wishes: Iterable[Wish]) -> dict[str, Locked]:
    """What the lock says when these models, as the server holds them, are what the team means."""
    makers = {wish.full: wish for wish in reversed(asked.wishes)}
    result = {}
    for wish in wishes:
        digest, base = facts.digest(wish.full), makers.get(wish.source)
        if not wish.key or wish.kind == "copy" or not digest:
            continue
        base_digest = facts.digest(wish.source) if _is_pulled(base, makers) else ""
        result[wish.key] = Locked(
            name=wish.name,
            digest=f"sha256:{digest}",
            base=wish.origin or None,
            base_digest=f"sha256:{base_digest}" if base_digest else None,
            fingerprint=wish.recipe.fingerprint if wish.recipe else None,
            at=datetime.now(UTC).replace(microsecond=0),
        )
    return result


def _look(
    place: Workspace, host: str, keys: Sequence[str]
) -> tuple[Demand, Facts, tuple[Step, ...]]:
    asked = plan.demand(place, keys)
    held = ollama.held(host, PATIENT.answer)
    looks = Looks(lambda name: ollama.show(host, name, PATIENT.answer))
    facts = plan.gathered(asked, held, Record(place.root, host).entries, looks)
    wanted = set(keys)
    steps = plan.steps(asked.chosen, facts)
    return asked, facts, tuple(step for step in steps if _can_be_locked(step, wanted))


def _can_be_locked(step: Step, wanted: set[str]) -> bool:
    wish = step.wish
    if not wish.key or wish.kind == "copy" or step.state in ("cloud", "not buildable"):
        return False
    return not wanted or wish.key in wanted


def _is_acceptable(step: Step) -> bool:
    """A pulled model is what its name says, whatever was expected of it."""
    if step.wish.kind == "pull":
        return step.state != "missing"
    return step.state in ("up to date", "adopt")


def _row(step: Step, asked: Demand, facts: Facts) -> Row:
    wish, lock = step.wish, asked.locked.get(step.wish.key)
    digest = facts.digest(wish.full)
    shown = Row(
        wish.key,
        wish.name,
        "locked",
        (lock.digest or "") if lock else "",
        f"sha256:{digest}" if digest else "",
    )
    return _with(shown, *_verdict(step, lock, shown, facts))


def _verdict(step: Step, lock: Locked | None, row: Row, facts: Facts) -> tuple[State, str]:
    wish = step.wish
    if lock is None:
        return "not locked", ""
    if not row.found:
        return "not on the server", ""
    if lock.full != wish.full:
        return "moved", f"locked was {lock.name}"
    if wish.kind == "pull":
        return ("locked", "") if row.found == row.locked else ("moved", "")
    if wish.recipe is not None and lock.fingerprint != wish.recipe.fingerprint:
        return "moved", "the Modelfile was changed since"
    base = facts.digest(wish.source)
    if lock.base_digest and base and lock.base_digest != f"sha256:{base}":
        return "moved", f"its base {wish.origin} is sha256:{base[:12]} now"
    if not row.locked:
        return "to be built", step.reason
    if row.found == row.locked:
        return "locked", ""
    if step.state in ("up to date", "adopt"):
        return "locked", "the same model, written down otherwise by this server"
    return "moved", step.reason


def _strangers(asked: Demand) -> Iterator[Row]:
    for key, lock in asked.locked.items():
        if key not in asked.registry.models:
            yield Row(key, lock.name, "not in the registry", lock.digest or "")


def _with(row: Row, state: State, reason: str) -> Row:
    return Row(row.key, row.name, state, row.locked, row.found, reason)


def _same(one: Locked, other: Locked) -> bool:
    return one.model_copy(update={"at": other.at}) == other


def _is_pulled(base: Wish | None, makers: Mapping[str, Wish]) -> bool:
    """Whether a base has the same digest on every server."""
    if base is not None and base.kind == "copy":
        base = makers.get(base.source)
    return base is not None and base.kind == "pull"
