"""Modelfiles: read as Ollama reads them, written, made into a create request, and judged."""

from __future__ import annotations

from mlws_scaffold.models.modelfile.grammar import Command, Dropped, Modelfile, ModelfileError
from mlws_scaffold.models.modelfile.linting import Finding, lint, lint_all
from mlws_scaffold.models.modelfile.parsing import parse
from mlws_scaffold.models.modelfile.recipe import Recipe, build, read
from mlws_scaffold.models.modelfile.sources import Blob
from mlws_scaffold.models.modelfile.writing import write

__all__ = [
    "Blob",
    "Command",
    "Dropped",
    "Finding",
    "Modelfile",
    "ModelfileError",
    "Recipe",
    "build",
    "lint",
    "lint_all",
    "parse",
    "read",
    "write",
]
