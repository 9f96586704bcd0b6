"""Models that mlws brought to a server for this registry, and that it names no longer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mlws_scaffold.adapters import ollama
from mlws_scaffold.models.registry import Registry
from mlws_scaffold.models.sync.decide import Facts
from mlws_scaffold.models.sync.order import Wish
from mlws_scaffold.models.sync.record import Entry


@dataclass(frozen=True, slots=True)
class Leftover:
    """A name on the server. size: bytes of all its layers; others may use some of them too."""

    name: str
    made_by: str
    at: str
    size: int


def leftovers(registry: Registry, wishes: Iterable[Wish], facts: Facts) -> tuple[Leftover, ...]:
    """What may be removed: recorded as made from here, unchanged since, asked for by nothing.

    Versions and aliases of a model that the registry has (`KEY:v1.0.0`, `KEY:production`) stay.
    """
    asked = {wish.full for wish in wishes}
    kept = {_repository(key) for key in registry.models}
    kept |= {_repository(wish.name) for wish in wishes if wish.kind == "build"}
    return tuple(
        Leftover(name, entry.made_by, entry.at, facts.held[name].size)
        for name, entry in sorted(facts.record.items())
        if name not in asked and _repository(name) not in kept and _is_ours(name, entry, facts)
    )


def doubt(wishes: Iterable[Wish]) -> str:
    """Why nothing may be removed now: a Modelfile that cannot be read may be FROM anything.

    Empty when there is no doubt.
    """
    broken = sorted(wish.key for wish in wishes if _may_need_anything(wish))
    return f"the Modelfile of {', '.join(broken)} cannot be read" if broken else ""


def _may_need_anything(wish: Wish) -> bool:
    is_broken = wish.flaw is not None and wish.flaw.is_error
    return wish.kind == "build" and wish.recipe is None and is_broken


def _is_ours(name: str, entry: Entry, facts: Facts) -> bool:
    return entry.made_by != "found" and bool(entry.digest) and entry.digest == facts.digest(name)


def _repository(name: str) -> str:
    """A name without its tag."""
    return ollama.full_name(name).rpartition(":")[0]
