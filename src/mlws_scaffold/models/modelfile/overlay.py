"""Whether a model on a server is what its Modelfile says, told without building it.

What a server keeps is the base with the Modelfile laid over it: parameters by name, texts and
messages as a whole, licences added. A Modelfile cannot take away what the base has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlws_scaffold.adapters.ollama import Shown
from mlws_scaffold.models.modelfile import parameters
from mlws_scaffold.models.modelfile.recipe import Recipe

NOT_COMPARABLE = "cannot be told from outside"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field (`parameters.temperature`, `system`, `weights`, …); empty where nothing is set."""

    field: str
    wanted: str
    found: str


def differences(recipe: Recipe, shown: Shown, base: Shown | None) -> list[Difference]:
    """What differs; nothing means that the model is what the Modelfile makes of this base.

    `base` is None for a Modelfile made from files: then what Ollama itself reads out of them (a
    template, a renderer, stop sequences) is not compared.
    """
    pairs = [*_weights(recipe, shown, base), *_parameters(recipe, shown, base)]
    pairs += _texts(recipe, shown, base)
    return [Difference(name, wanted, found) for name, wanted, found in pairs if wanted != found]


Compared = tuple[str, str, str]


def _weights(recipe: Recipe, shown: Shown, base: Shown | None) -> Iterator[Compared]:
    files = _digests(recipe, "files")
    if base is not None:
        yield "weights", _listed(base.weights), _listed(shown.weights)
    elif all(name.endswith(".gguf") for name in _mapping(recipe, "files")):
        yield "weights", _listed(sorted(files)), _listed(sorted(shown.weights))
    else:
        # Ollama converts them, so that no hash of ours is on the server.
        yield "weights", f"converted from {len(files)} files", NOT_COMPARABLE
    adapters = [*(base.adapters if base else ()), *_digests(recipe, "adapters")]
    yield "adapters", _listed(adapters), _listed(shown.adapters)
    if drafts := _digests(recipe, "draft_files"):
        yield "draft", _listed(drafts), NOT_COMPARABLE


def _parameters(recipe: Recipe, shown: Shown, base: Shown | None) -> Iterator[Compared]:
    ours = {name: _as_texts(value) for name, value in _mapping(recipe, "parameters").items()}
    wanted = {**(base.parameters if base else {}), **ours}
    # Without a base what is there beside ours may come out of the files.
    names = {*wanted, *shown.parameters} if base else set(wanted)
    for name in sorted(names):
        yield (
            f"parameters.{name}",
            _listed(_normal(name, wanted.get(name, ()))),
            _listed(_normal(name, shown.parameters.get(name, ()))),
        )


def _texts(recipe: Recipe, shown: Shown, base: Shown | None) -> Iterator[Compared]:
    for name in ("template", "system", "renderer", "parser", "requires"):
        ours = str(recipe.body.get(name, ""))
        known = bool(ours) or base is not None or name in ("system", "requires")
        if known:
            inherited = str(getattr(base, name)) if base else ""
            yield name, ours or inherited, str(getattr(shown, name))
    messages = [(each["role"], each["content"]) for each in _list(recipe, "messages")]
    wanted = messages or list(base.messages if base else ())
    yield "messages", _spoken(wanted), _spoken(shown.messages)
    licences = [*(base.licenses if base else ()), *_list(recipe, "license")]
    # The server joins them, so where one ends is lost.
    yield "license", "\n".join(licences), "\n".join(shown.licenses)


def _normal(name: str, values: Sequence[str]) -> list[str]:
    """Values in one spelling: the server shows 4096 as 4096 and 1000000 as 1e+06."""
    if name in parameters.LISTS:
        return list(values)
    if name in parameters.BOOLEANS:
        return [value.lower() for value in values]
    return [_number(value) for value in values]


def _number(text: str) -> str:
    try:
        return repr(float(text) + 0.0)  # -0 is 0
    except ValueError:
        return text


def _as_texts(value: object) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list) else (str(value),)


def _spoken(messages: Sequence[tuple[str, str]]) -> str:
    return "\n".join(f"{role}: {text}" for role, text in messages)


def _listed(values: Sequence[str]) -> str:
    return ", ".join(values)


def _digests(recipe: Recipe, name: str) -> list[str]:
    return [digest.removeprefix("sha256:") for digest in _mapping(recipe, name).values()]


def _mapping(recipe: Recipe, name: str) -> Mapping[str, Any]:
    found = recipe.body.get(name)
    return found if isinstance(found, dict) else {}


def _list(recipe: Recipe, name: str) -> list[Any]:
    found = recipe.body.get(name)
    return found if isinstance(found, list) else []
