"""What a Modelfile asks of a server: the fields of `POST /api/create`, and the files they need."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters import ollama
from mlws_scaffold.adapters.ollama.names import parts
from mlws_scaffold.errors import InvalidFile, Problem
from mlws_scaffold.models.modelfile import sources
from mlws_scaffold.models.modelfile.grammar import Modelfile, ModelfileError
from mlws_scaffold.models.modelfile.parsing import parse
from mlws_scaffold.models.modelfile.request import Request, Source
from mlws_scaffold.models.modelfile.sources import Blob
from mlws_scaffold.workspace.layout import Layout


@dataclass(frozen=True, slots=True)
class Recipe:
    """`base` is the model it is made from, or empty when files are; `body` is what create is sent.

    `fingerprint` (64 hex digits) is that of the meaning: comments, blanks and the order of
    commands that do not act on each other leave it as it is; another byte in a file does not.
    """

    base: str
    body: Mapping[str, object]
    blobs: tuple[Blob, ...]
    fingerprint: str


def read(layout: Layout, path: Path) -> Modelfile:
    """Parse a Modelfile of the workspace. Raises InvalidFile (ModelfileError for its content)."""
    name = layout.relative(path)
    try:
        if not path.resolve().is_relative_to(layout.root.resolve()):
            problem = Problem(name, "leads out of the workspace", "put the file itself here")
            raise InvalidFile([problem])
        if path.exists() and not path.is_file():
            raise InvalidFile([Problem(name, "is no ordinary file", "put a text file here")])
        return parse(path.read_bytes(), name)
    except (OSError, RuntimeError) as error:
        # RuntimeError: links that go round in a circle, before Python 3.13.
        said = error.strerror if isinstance(error, OSError) else "links in a circle"
        cure = "commit it, or correct the path"
        raise InvalidFile([Problem(name, f"cannot be read: {said}", cure)]) from None


def build(layout: Layout, path: Path) -> Recipe:
    """The create request of the Modelfile at `path` (relative ones are from the root).

    Files are hashed, nothing is uploaded. Trained weights that are described and not pulled yet
    count by their description. Raises InvalidFile where Ollama would refuse it too.
    """
    where = layout.root / path
    source = Source(where.parent, layout.relative(where), layout)
    recipe = of(read(layout, where), source)
    if recipe.base and parts(recipe.base) is None:
        problem = Problem(source.name, *_no_base(recipe.base))
        raise ModelfileError(problem, "invalid model name")
    return recipe


def of(modelfile: Modelfile, source: Source, *, hashed: bool = True) -> Recipe:
    """The create request of a parsed Modelfile.

    Without `hashed` a file counts by its path, which costs nothing and serves comparison only.
    """
    request = Request(source, sources.blobs if hashed else sources.unhashed)
    for command in modelfile.commands:
        request.take(command)
    body = request.body()
    blobs = {blob.digest: blob for kind in request.files.values() for blob in kind}
    return Recipe(str(body.get("from", "")), body, tuple(blobs.values()), fingerprint(body))


def fingerprint(body: Mapping[str, object]) -> str:
    """sha256 over the canonical JSON of a request; a base's name counts in its full spelling."""
    normal = {**body}
    if isinstance(named := normal.get("from"), str):
        normal["from"] = ollama.full_name(named)
    text = json.dumps(normal, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _no_base(base: str) -> tuple[str, str]:
    message = f"FROM {base!r} is neither a file or folder nor a name of a model"
    if "#" in base:
        return message, "a comment is a line of its own"
    return message, "correct it: a path is relative to the Modelfile's folder"
