"""What the registry asks a server for, name by name, in an order in which it can be made."""

from __future__ import annotations

import graphlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from mlws_scaffold.adapters import ollama
from mlws_scaffold.adapters.ollama.names import parts
from mlws_scaffold.errors import InvalidFile, MlwsError, Problem
from mlws_scaffold.models import modelfile
from mlws_scaffold.models.modelfile import Recipe
from mlws_scaffold.models.registry import Model, Registry
from mlws_scaffold.workspace.layout import REGISTRY, Layout

Kind = Literal["pull", "build", "copy"]


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why a wish cannot be fulfilled. `is_error` is False where the registry leaves it open."""

    text: str
    cure: str
    is_error: bool = True


@dataclass(frozen=True, slots=True)
class Wish:
    """One name that the server shall hold.

    key: of the entry; empty for a base that no entry names. origin: the name it is made from (FROM
    of a build, what is copied). pin: 64 hex digits that a person expects. serves: for a base, the
    keys of what is built on it.
    """

    key: str
    name: str
    kind: Kind
    origin: str = ""
    pin: str = ""
    recipe: Recipe | None = None
    flaw: Flaw | None = None
    serves: tuple[str, ...] = ()

    @property
    def full(self) -> str:
        """The name as the server lists it."""
        return ollama.full_name(self.name)

    @property
    def source(self) -> str:
        """The origin as the server lists it."""
        return ollama.full_name(self.origin) if self.origin else ""

    @property
    def title(self) -> str:
        """How people know it."""
        return self.key or self.name


def wishes(layout: Layout, registry: Registry) -> tuple[Wish, ...]:
    """All that the registry asks for, each after what it is made from.

    An entry whose key is not its name in Ollama asks for both: agents name the key. Files that
    Modelfiles name are hashed. Raises InvalidFile for models that are built on themselves.
    """
    own = [_own(layout, key, model) for key, model in registry.models.items()]
    found = _without_conflicts([*_with_aliases(own)])
    return _arranged(registry, [*_bases(found), *found])


def chosen(found: Sequence[Wish], keys: Iterable[str]) -> tuple[Wish, ...]:
    """The wishes of some entries, and those that they are built on; all when `keys` is empty."""
    wanted, needed = set(keys), set[str]()
    if not wanted:
        return tuple(found)
    picked = []
    for wish in reversed(found):
        if wish.key in wanted or wish.full in needed:
            picked.append(wish)
            needed.add(wish.source)
    return tuple(reversed(picked))


def _own(layout: Layout, key: str, model: Model) -> Wish:
    name = model.name_in_ollama(key)
    pin = (model.digest or "").removeprefix("sha256:")
    wish = Wish(key, name, "pull" if model.source == "ollama" else "build", pin=pin)
    if parts(name) is None:
        cure = f"correct model_name in {REGISTRY}: host/namespace/model:tag"
        return replace(wish, flaw=Flaw(f"{name!r} is no name of a model in Ollama", cure))
    if model.source == "ollama":
        return wish
    if not model.modelfile:
        cure = f"name its `modelfile` in {REGISTRY}"
        return replace(wish, flaw=Flaw("has no Modelfile", cure, is_error=False))
    try:
        recipe = modelfile.build(layout, Path(model.modelfile))
    except InvalidFile as error:
        return replace(wish, flaw=Flaw(error.message, "see mlws model lint"))
    except MlwsError as error:
        return replace(wish, flaw=Flaw(error.message, error.cure or "see mlws model lint"))
    return replace(wish, recipe=recipe, origin=recipe.base)


def _with_aliases(own: Iterable[Wish]) -> Iterator[Wish]:
    for wish in own:
        yield wish
        is_other = ollama.full_name(wish.key) != wish.full
        if is_other and wish.flaw is None and not ollama.is_cloud(wish.name):
            yield Wish(wish.key, wish.key, "copy", origin=wish.name)


def _bases(found: Iterable[Wish]) -> Iterator[Wish]:
    """The models that Modelfiles are FROM and no entry names: pulled by us, never by a build."""
    found = list(found)
    made = {wish.full for wish in found}
    serves: dict[str, list[Wish]] = {}
    for wish in found:
        if wish.kind == "build" and wish.origin and wish.source not in made:
            serves.setdefault(wish.source, []).append(wish)
    for builds in serves.values():
        keys = tuple(wish.key for wish in builds)
        yield Wish("", builds[0].origin, "pull", serves=keys)


def _without_conflicts(found: Sequence[Wish]) -> list[Wish]:
    """Two entries that make one name would undo each other's work for ever."""
    owners = Counter(wish.full for wish in found if wish.kind != "copy")
    result = []
    for wish in found:
        others = owners[wish.full] - (wish.kind != "copy")
        if others and wish.kind != "pull":
            keys = [other.key for other in found if other.full == wish.full and other.key]
            text = f"{wish.full} is asked for by more than one entry: {', '.join(sorted(keys))}"
            cure = f"give one of them another {'key' if wish.kind == 'copy' else 'model_name'}"
            wish = replace(wish, flaw=Flaw(text, cure))
        result.append(wish)
    return result


def _arranged(registry: Registry, found: Sequence[Wish]) -> tuple[Wish, ...]:
    by_name: dict[str, int] = {}
    # An entry's own model comes before an alias that could not have its name.
    for index in sorted(range(len(found)), key=lambda index: found[index].kind == "copy"):
        by_name.setdefault(found[index].full, index)
    graph = {
        index: [by_name[wish.source]] if wish.source in by_name else []
        for index, wish in enumerate(found)
    }
    sorter = graphlib.TopologicalSorter(graph)
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        raise InvalidFile([_cycle(registry, [found[index] for index in error.args[1]])]) from None
    result: list[Wish] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        result += [found[index] for index in ready]
        sorter.done(*ready)
    return tuple(result)


def _cycle(registry: Registry, ring: list[Wish]) -> Problem:
    """`ring` begins and ends with the same wish; each is what the next one is made from."""
    members = ring[:0:-1]
    first = min(range(len(members)), key=lambda place: members[place].key)
    keys = [wish.key for wish in [*members[first:], *members[:first], members[first]]]
    # An alias and its entry have one key.
    shown = [key for place, key in enumerate(keys) if place == 0 or key != keys[place - 1]]
    shown = shown if len(shown) > 1 else [*shown, *shown]
    message = f"is built on itself: {' FROM '.join(shown)}"
    return registry.problem((shown[0],), message, "correct the FROM of one of their Modelfiles")
