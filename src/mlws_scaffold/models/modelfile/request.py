"""The fields of `POST /api/create`, gathered command by command as Ollama's own command does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from mlws_scaffold.errors import InvalidFile, MlwsError, Problem
from mlws_scaffold.models.modelfile import parameters, sources
from mlws_scaffold.models.modelfile.grammar import Command, ModelfileError
from mlws_scaffold.models.modelfile.sources import Blob, PathRefused
from mlws_scaffold.workspace.layout import Layout

_REPLACED = ("template", "system", "renderer", "parser")
_NUMBER = r"(?:0|[1-9][0-9]*)"
_MARK = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION = re.compile(
    rf"v?{_NUMBER}(?:\.{_NUMBER}(?:\.{_NUMBER}(?:-{_MARK}(?:\.{_MARK})*)?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?)?)?"
)
_NO_VERSION = "requires must be a valid semver (e.g. 0.14.0)"


@dataclass(frozen=True, slots=True)
class Source:
    """Where the paths of a Modelfile start, how messages call it, and its workspace, if any."""

    folder: Path
    name: str = "Modelfile"
    layout: Layout | None = None


def is_version(text: str) -> bool:
    """Whether Ollama takes it for REQUIRES: a semantic version, of which parts may be missing."""
    return _VERSION.fullmatch(text) is not None


@dataclass(slots=True)
class Request:
    """A request as it grows, command by command, in the order and with the errors of Ollama."""

    source: Source
    measure: Callable[[Iterable[Path]], list[Blob]]
    fields: dict[str, str] = field(default_factory=dict)
    licenses: list[str] = field(default_factory=list)
    messages: list[dict[str, str]] = field(default_factory=list)
    parameters: dict[str, parameters.Value] = field(default_factory=dict)
    files: dict[str, list[Blob]] = field(default_factory=dict)
    paths: dict[str, list[Path]] = field(default_factory=dict)

    def take(self, command: Command) -> None:
        effect = command.effect
        if effect in ("model", "draft", "adapter"):
            self._take_files(effect, command)
        elif effect in _REPLACED:
            self.fields[effect] = command.value
        elif effect == "requires":
            if not is_version(command.value):
                cure = "write a version such as 0.14.0"
                raise self._refused(command, f"{command.value!r} is no version", cure, _NO_VERSION)
            self.fields[effect] = command.value.removeprefix("v")
        elif effect == "license":
            self.licenses.append(command.value)
        elif effect == "message":
            role, text = command.message
            self.messages.append({"role": role, "content": text})
        elif effect not in parameters.IGNORED:
            self._take_parameter(command)

    def body(self) -> dict[str, object]:
        """The fields that say something; Ollama leaves out the empty ones as well."""
        found: dict[str, object] = {"from": self.fields.get("model", "")}
        for kind, key in (("model", "files"), ("adapter", "adapters"), ("draft", "draft_files")):
            found[key] = sources.named(self.files.get(kind, ()))
        found |= {key: self.fields.get(key, "") for key in ("template", "system")}
        found |= {
            "license": self.licenses,
            "parameters": self.parameters,
            "messages": self.messages,
        }
        found |= {key: self.fields.get(key, "") for key in ("renderer", "parser", "requires")}
        return {key: value for key, value in found.items() if value}

    def _take_parameter(self, command: Command) -> None:
        try:
            value = parameters.typed(command.effect, command.value)
        except ValueError as error:
            known = command.effect in parameters.KNOWN
            kind = parameters.kind(command.effect)
            cure = (
                f"{command.effect} is {kind}" if known else "mlws model lint says which are known"
            )
            raise self._refused(command, str(error), cure, str(error)) from None
        before = self.parameters.get(command.effect)
        if isinstance(value, list) and isinstance(before, list):
            value = before + value
        self.parameters[command.effect] = value

    def _take_files(self, effect: str, command: Command) -> None:
        try:
            path = sources.expand(command.value, self.source.folder)
            blobs = self._blobs(path)
            if blobs is None and effect == "model":
                self.fields["model"] = command.value
                return
            if blobs is None:
                cure = "correct the path: it is relative to the Modelfile's folder"
                raise self._refused(command, f"{command.value} does not exist", cure)
        except PathRefused as error:
            raise self._refused(command, str(error), "", str(error)) from None
        except OSError as error:
            raise self._refused(command, f"{error.filename}: {error.strerror}", "") from None
        except InvalidFile:
            raise
        except MlwsError as error:
            raise self._refused(command, error.message, error.cure) from None
        self._refuse_same(effect, command, path)
        # A second adapter replaces the first; FROM and DRAFT may have several parts.
        kept = [] if effect == "adapter" else self.files.get(effect, [])
        self.files[effect] = [*kept, *blobs]
        self.paths.setdefault(effect, []).append(path.resolve())

    def _blobs(self, path: Path) -> list[Blob] | None:
        found = sources.files(path)
        if found is not None:
            return self.measure(found)
        described = sources.described(self.source.layout, path) if self.source.layout else None
        return None if described is None else [described]

    def _refuse_same(self, effect: str, command: Command, path: Path) -> None:
        other = {"model": "draft", "draft": "model"}.get(effect, "")
        if path.resolve() in self.paths.get(other, []):
            said = f"DRAFT must not reference the same local path as FROM: {path}"
            raise self._refused(command, said, "name the smaller model's own file", said)

    def _refused(
        self, command: Command, message: str, cure: str, upstream: str = ""
    ) -> ModelfileError:
        problem = Problem(self.source.name, message, cure, "", command.line, command.column)
        return ModelfileError(problem, upstream)
