"""What a rule may look at: one entry of the registry, and its Modelfile when it has one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from mlws_scaffold.errors import Problem
from mlws_scaffold.models.modelfile.grammar import Command, Modelfile
from mlws_scaffold.models.registry import Model, Registry
from mlws_scaffold.workspace.layout import Layout


@dataclass(frozen=True, slots=True)
class Case:
    """Without a Modelfile (a model that is pulled, or not buildable) it has no commands."""

    layout: Layout
    key: str
    model: Model
    registry: Registry
    modelfile: Modelfile = field(default=Modelfile(()))

    def having(self, modelfile: Modelfile) -> Case:
        return replace(self, modelfile=modelfile)

    @property
    def name(self) -> str:
        """The Modelfile as messages call it."""
        return self.model.modelfile or ""

    @property
    def folder(self) -> Path:
        """Where the paths of the Modelfile start."""
        return (self.layout.root / self.name).parent

    def at(self, command: Command, message: str, cure: str = "", below: int = 0) -> Problem:
        """A problem at a command, or as many lines below its first one."""
        column = 1 if below else command.column
        return Problem(self.name, message, cure, "", command.line + below, column)

    def in_registry(self, field_name: str, message: str, cure: str = "") -> Problem:
        """A problem at a field of the registry's entry."""
        return self.registry.problem((self.key, field_name), message, cure)


Judge = Callable[[Case], Iterable[Problem]]
