"""Modelfiles: read as Ollama reads them, written, made into a create request, and judged."""

from __future__ import annotations

from mlws_scaffold.models.modelfile.grammar import Command, Dropped, Modelfile, ModelfileError
from mlws_scaffold.models.modelfile.linting import Finding, lint, lint_all
from mlws_scaffold.models.modelfile.overlay import Difference, differences
from mlws_scaffold.models.modelfile.parsing import parse
from mlws_scaffold.models.modelfile.recipe import Recipe, build, of, read
from mlws_scaffold.models.modelfile.request import Source
from mlws_scaffold.models.modelfile.sources import Blob
from mlws_scaffold.models.modelfile.writing import with_system, write

__all__ = [
    "Blob",
    "Command",
    "Difference",
    "Dropped",
    "Finding",
    "Modelfile",
    "ModelfileError",
    "Recipe",
    "Source",
    "build",
    "differences",
    "lint",
    "lint_all",
    "of",
    "parse",
    "read",
    "with_system",
    "write",
]
