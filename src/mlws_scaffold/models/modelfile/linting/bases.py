"""Rules about what a model is made from: FROM, ADAPTER and DRAFT."""

from __future__ import annotations

from collections.abc import Iterator

from mlws_scaffold.adapters import ollama
from mlws_scaffold.adapters.ollama.names import parts
from mlws_scaffold.errors import InvalidFile, Problem
from mlws_scaffold.models.modelfile import sources
from mlws_scaffold.models.modelfile.grammar import Command
from mlws_scaffold.models.modelfile.linting.case import Case
from mlws_scaffold.models.modelfile.sources import PathRefused
from mlws_scaffold.models.weights import manifest
from mlws_scaffold.workspace.layout import REGISTRY


def disagreeing(case: Case) -> Iterator[Problem]:
    declared = case.model.base_model
    named = _named(case)
    if not declared or not named or _looks_like_path(named.value):
        return
    entry = case.registry.models.get(declared)
    wanted = entry.name_in_ollama(declared) if entry else declared
    if ollama.full_name(wanted) != ollama.full_name(named.value):
        message = f"FROM {named.value}, but {REGISTRY} says base_model {declared}"
        yield case.at(named, message, "write the same in both")


def without_files(case: Case) -> Iterator[Problem]:
    local: dict[str, set[str]] = {"model": set(), "draft": set()}
    for command in case.modelfile.commands:
        effect = command.effect
        if effect not in ("model", "adapter", "draft"):
            continue
        try:
            path = sources.expand(command.value, case.folder)
            found = sources.files(path)
            awaited = found is None and manifest.of_file(case.layout, path) is not None
        except InvalidFile as error:
            yield from error.problems
            continue
        except PathRefused as error:
            yield case.at(command, str(error), "correct the path, or what lies there")
            continue
        except OSError as error:
            yield case.at(command, f"{error.filename} cannot be read: {error.strerror}")
            continue
        if awaited:
            continue
        if found is None and (effect != "model" or _looks_like_path(command.value)):
            message = f"{command.value} does not exist"
            yield case.at(command, message, "paths are relative to the Modelfile's folder")
        elif found is not None and effect in local:
            other = local["draft" if effect == "model" else "model"]
            if str(path.resolve()) in other:
                yield case.at(command, "DRAFT and FROM are the same", "name the smaller model")
            local[effect].add(str(path.resolve()))


def unused(case: Case) -> Iterator[Problem]:
    named = _named(case)
    for command in case.modelfile.all("model"):
        if named is not None and command is not named:
            message = f"FROM {command.value} is not used: line {named.line} names a model"
            yield case.at(command, message, "keep one of them")


def in_a_cloud(case: Case) -> Iterator[Problem]:
    cure = "choose a model that has weights"
    message = "runs at somebody else's: every prompt leaves the team's machines"
    if case.model.source == "ollama" and ollama.is_cloud(case.model.name_in_ollama(case.key)):
        yield case.in_registry("model_name", f"{case.model.model_name} {message}", cure)
    named = _named(case)
    if named and ollama.is_cloud(named.value):
        yield case.at(named, f"{named.value} {message}", cure)


def misnamed(case: Case) -> Iterator[Problem]:
    named = _named(case)
    if named is None or _looks_like_path(named.value):
        return
    if parts(named.value) is None:
        cure = "a comment is a line of its own" if "#" in named.value else "write model:tag"
        yield case.at(named, f"FROM {named.value!r} is no name of a model", cure)
    elif ollama.full_name(named.value) == ollama.full_name(case.model.name_in_ollama(case.key)):
        message = f"FROM {named.value} is this model itself: each build would build upon the last"
        yield case.at(named, message, "name the model that it is made from")


def _named(case: Case) -> Command | None:
    """The FROM that counts, when it is no file or folder that is there."""
    named = None
    for command in case.modelfile.all("model"):
        try:
            if sources.files(sources.expand(command.value, case.folder)) is None:
                named = command
        except (PathRefused, OSError):
            continue
    return named


def _looks_like_path(text: str) -> bool:
    return text.startswith((".", "/", "~")) or text.lower().endswith(sources.WEIGHTS)
