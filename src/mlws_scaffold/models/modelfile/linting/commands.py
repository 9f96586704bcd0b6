"""Rules about parameters, REQUIRES, and commands that do nothing."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.version import InvalidVersion, Version

from mlws_scaffold.errors import Problem, did_you_mean
from mlws_scaffold.models.modelfile import parameters, request
from mlws_scaffold.models.modelfile.grammar import KEYWORDS, Command
from mlws_scaffold.models.modelfile.linting.case import Case

# LICENSE and MESSAGE add up, FROM and DRAFT may have several parts.
_LAST_WINS = frozenset({"template", "system", "renderer", "parser", "requires", "adapter"})
_CANNOT_BLANK = frozenset({"template", "system", "renderer", "parser", "adapter"})
_FIRST_WITH_REQUIRES = Version("0.14.0")


def unknown(case: Case) -> Iterator[Problem]:
    for command in _parameters(case):
        if command.args not in parameters.KNOWN | parameters.IGNORED:
            cure = did_you_mean(command.args, parameters.KNOWN)
            if not command.args:
                cure = "write one blank, not two, between PARAMETER and its name"
            yield case.at(command, f"unknown parameter {command.args!r}", cure)


def ill_typed(case: Case) -> Iterator[Problem]:
    for command in _parameters(case):
        if command.args in parameters.KNOWN:
            try:
                parameters.typed(command.args, command.value)
            except ValueError as error:
                cure = f"{command.args} is {parameters.kind(command.args)}"
                yield case.at(command, f"{command.args}: {error}", cure)


def no_version(case: Case) -> Iterator[Problem]:
    for command in case.modelfile.all("requires"):
        if not request.is_version(command.value):
            message = f"{command.value!r} is no version"
            yield case.at(command, message, "write a version such as 0.14.0")


def too_old(case: Case) -> Iterator[Problem]:
    for command in case.modelfile.all("requires"):
        try:
            asked = Version(command.value.removeprefix("v"))
        except InvalidVersion:
            continue
        if asked < _FIRST_WITH_REQUIRES:
            message = f"servers before {_FIRST_WITH_REQUIRES} do not read REQUIRES"
            yield case.at(command, message, "take it out, or ask for 0.14.0")


def replaced(case: Case) -> Iterator[Problem]:
    seen: dict[str, Command] = {}
    for command in case.modelfile.commands:
        effect = command.effect
        if effect in _LAST_WINS or effect in parameters.KNOWN - parameters.LISTS:
            if before := seen.get(effect):
                shown = _shown(before)
                message = f"{shown} has no effect: line {command.line} says it again"
                yield case.at(before, message, "keep one of them")
            seen[effect] = command


def without_effect(case: Case) -> Iterator[Problem]:
    for command in case.modelfile.commands:
        if command.name == "parameter" and command.args in parameters.IGNORED:
            message = f"Ollama leaves {command.args} out: it is no parameter any more"
            yield case.at(command, message, "take the line out")
        elif not command.value and command.effect in _CANNOT_BLANK:
            message = f"an empty {_shown(command)} keeps what the base model has"
            yield case.at(command, message, "take the line out, or write what should be there")


def disguised(case: Case) -> Iterator[Problem]:
    for command in case.modelfile.commands:
        if command.name == "parameter" and command.args in _COMMANDS:
            word = "FROM" if command.args == "model" else command.args.upper()
            message = f"Ollama takes PARAMETER {command.args} for {word}"
            yield case.at(command, message, f"write {word}, if that is meant")


_COMMANDS = frozenset({"model", *KEYWORDS} - {"from", "parameter"})


def _parameters(case: Case) -> Iterator[Command]:
    for command in case.modelfile.commands:
        if command.name == "parameter" and command.args not in _COMMANDS:
            yield command


def _shown(command: Command) -> str:
    return f"PARAMETER {command.args}" if command.name == "parameter" else command.name.upper()
