"""What a sync would do with a server, and why: the facts are gathered, each wish is judged.

One list of the server's models. What the record does not know already is looked at, each name
once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from mlws_scaffold.adapters import ollama
from mlws_scaffold.adapters.ollama import Held, Shown
from mlws_scaffold.models import registry as registries
from mlws_scaffold.models.registry import Registry
from mlws_scaffold.models.sync import lockfile, order, prune
from mlws_scaffold.models.sync.decide import Facts, Step, decide
from mlws_scaffold.models.sync.lockfile import Locked
from mlws_scaffold.models.sync.order import Wish
from mlws_scaffold.models.sync.prune import Leftover
from mlws_scaffold.models.sync.record import Entry, Record
from mlws_scaffold.models.sync.server import PATIENT
from mlws_scaffold.workspace.config import Workspace

_WRONG = ("drifted", "changed outside")

Judge = Callable[[Wish, Facts, Step | None], Step]


@dataclass(frozen=True, slots=True)
class Demand:
    """What the workspace asks for: all of it, and the wishes of the chosen entries."""

    registry: Registry
    wishes: tuple[Wish, ...]
    chosen: tuple[Wish, ...]
    locked: Mapping[str, Locked]
    force: frozenset[str]

    @property
    def is_whole(self) -> bool:
        return len(self.chosen) == len(self.wishes)


@dataclass(frozen=True, slots=True)
class Summary:
    """wrong: something differs that is more than not there yet."""

    text: str
    cure: str
    wrong: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """Each wish with its verdict, in the order of the work, and what nobody asks for any more."""

    host: str
    steps: tuple[Step, ...]
    leftovers: tuple[Leftover, ...]

    @property
    def drift(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.is_drift)

    @property
    def summary(self) -> Summary | None:
        """What is open, one part for each model; None when nothing is."""
        first: dict[str, Step] = {}
        for step in self.steps:
            if step.is_drift or step.state == "not buildable":
                first.setdefault(step.wish.title, step)
        if not first:
            return None
        text = "; ".join(f"{title}: {step.reason}" for title, step in first.items())
        (title, one), *others = first.items()
        own = f"mlws model sync {title}" if one.action else one.cure
        wrong = any(step.state in _WRONG or not step.action for step in self.drift)
        return Summary(text, "mlws model sync" if others else own, wrong)


class Looks:
    """What the server showed; each name is asked for once until it is forgotten."""

    def __init__(self, show: Callable[[str], Shown | None]) -> None:
        self._show = show
        self._seen: dict[str, Shown | None] = {}

    def __call__(self, name: str) -> Shown | None:
        full = ollama.full_name(name)
        if full not in self._seen:
            self._seen[full] = self._show(name)
        return self._seen[full]

    def forget(self, full: str) -> None:
        self._seen.pop(full, None)


def demand(place: Workspace, keys: Iterable[str] = (), *, force: bool = False) -> Demand:
    """Read registry, Modelfiles and lock. Raises UsageError, InvalidFile."""
    registry = registries.load(place.layout)
    selected = registries.select(registry, keys)
    found = order.wishes(place.layout, registry)
    chosen = order.chosen(found, selected if len(selected) < len(registry.models) else ())
    forced = frozenset(selected) if force else frozenset[str]()
    return Demand(registry, found, chosen, lockfile.read(place.layout), forced)


def make(
    place: Workspace,
    host: str,
    keys: Iterable[str] = (),
    *,
    force: bool = False,
    held: Mapping[str, Held] | None = None,
) -> Plan:
    """What a sync of these entries, or of all, would do. Changes nothing.

    held: what the server holds, where it is known already. Raises UsageError, InvalidFile,
    Unavailable.
    """
    asked = demand(place, keys, force=force)
    now = ollama.held(host, PATIENT.answer) if held is None else held
    record = Record(place.root, host).entries
    looks = Looks(lambda name: ollama.show(host, name, PATIENT.answer))
    facts = gathered(asked, now, record, looks)
    rest = prune.leftovers(asked.registry, asked.wishes, facts) if asked.is_whole else ()
    return Plan(host, steps(asked.chosen, facts), rest)


def gathered(
    asked: Demand,
    held: Mapping[str, Held],
    record: Mapping[str, Entry],
    look: Callable[[str], Shown | None],
) -> Facts:
    """The facts by which every wish is judged."""
    bases: dict[str, set[str]] = {}
    for wish in asked.wishes:
        lock = asked.locked.get(wish.key)
        same = lock is not None and ollama.full_name(lock.base or "") == wish.source
        if lock is not None and same and lock.base_digest and wish.kind == "build":
            bases.setdefault(wish.source, set()).add(lock.base_digest.removeprefix("sha256:"))
    known = {name: frozenset(digests) for name, digests in bases.items()}
    return Facts(held, record, asked.locked, known, look, asked.force)


def steps(wishes: Sequence[Wish], facts: Facts, judge: Judge = decide) -> tuple[Step, ...]:
    """The verdicts. A base that nobody names is only fetched when something is built on it."""
    by_name: dict[str, Step] = {}
    found = []
    for wish in wishes:
        step = judge(wish, facts, by_name.get(wish.source))
        by_name.setdefault(wish.full, step)
        found.append(step)
    needed = {step.wish.source for step in found if step.action in ("build", "judge")}
    return tuple(
        step
        for step in found
        if step.wish.key or step.wish.full in facts.held or step.wish.full in needed
    )
