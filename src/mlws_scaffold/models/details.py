"""Everything that the files of a workspace say about one model. Asks no server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlws_scaffold.errors import InvalidFile, Problem
from mlws_scaffold.models import benchmark, modelfile, registry
from mlws_scaffold.models.benchmark import Report
from mlws_scaffold.models.modelfile import Modelfile
from mlws_scaffold.models.modelfile.grammar import KEYWORDS
from mlws_scaffold.models.registry import Model
from mlws_scaffold.models.weights import manifest, showing
from mlws_scaffold.models.weights.showing import Shown
from mlws_scaffold.workspace.layout import Layout

_NO_PARAMETERS = {*KEYWORDS, "model"}  # Ollama takes `PARAMETER system x` for SYSTEM x


@dataclass(frozen=True, slots=True)
class Summary:
    """A Modelfile in short: FROM, ADAPTER, SYSTEM, parameters, and what else it sets."""

    path: str
    base: str
    adapters: tuple[str, ...]
    system: str
    parameters: Mapping[str, tuple[str, ...]]
    messages: int
    sets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Details:
    """One model. `model` is None for weights without an entry in the registry.

    problems: of files that could not be read; what the others say is here all the same.
    """

    key: str
    model: Model | None
    modelfile: Summary | None
    report: Report | None
    weights: tuple[Shown, ...]
    problems: tuple[Problem, ...]


def of(layout: Layout, key: str) -> Details:
    """Read it all. Raises UsageError for a name that nothing knows, InvalidFile (registry)."""
    known = registry.load(layout)
    model = known.models.get(key)
    if model is None and not manifest.versions(layout, key):
        registry.select(known, [key])  # says which names there are
    problems: list[Problem] = []
    summary, report = None, None
    weights: tuple[Shown, ...] = ()
    if model is not None and model.modelfile:
        try:
            summary = _summary(
                model.modelfile, modelfile.read(layout, layout.root / model.modelfile)
            )
        except InvalidFile as error:
            problems += error.problems
    if model is not None:
        try:
            report = benchmark.latest(layout, key, str(model.version or "unversioned"))
        except InvalidFile as error:
            problems += error.problems
    try:
        weights = tuple(showing.show(layout, key))
    except InvalidFile as error:
        problems += error.problems
    return Details(key, model, summary, report, weights, tuple(problems))


def _summary(path: str, found: Modelfile) -> Summary:
    parameters: dict[str, tuple[str, ...]] = {}
    for command in found.commands:
        if command.name == "parameter" and command.effect not in _NO_PARAMETERS:
            # Only `stop` may stand there several times; of all others the last one counts.
            before = parameters.get(command.effect, ()) if command.effect == "stop" else ()
            parameters[command.effect] = (*before, command.value)
    system = found.last("system")
    base = found.last("model")
    also = ("template", "renderer", "parser", "requires", "draft", "license")
    return Summary(
        path=path,
        base=base.value if base else "",
        adapters=tuple(command.value for command in found.all("adapter")),
        system=system.value if system else "",
        parameters=parameters,
        messages=sum(1 for _ in found.all("message")),
        sets=tuple(name for name in also if found.last(name)),
    )
