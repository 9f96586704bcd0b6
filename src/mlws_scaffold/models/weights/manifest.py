"""`models/checkpoints/NAME/<version>.yaml`: what git knows of weights that it does not keep."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import Field

from mlws_scaffold.adapters import documents, files, transfers
from mlws_scaffold.adapters.schema import WithOwnKeys
from mlws_scaffold.errors import InvalidFile, Problem, UsageError, did_you_mean
from mlws_scaffold.workspace import names
from mlws_scaffold.workspace.layout import CHECKPOINTS, Layout


class Manifest(WithOwnKeys):
    """One version of the weights of a model. Keys that start with `x_` are the team's own."""

    uri: str = Field(min_length=1, description="where it is kept: a path, file:///… or https://…")
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="64 hex digits: sha256sum FILE")
    size: int | None = Field(None, ge=0, description="the number of bytes")
    run: str | None = Field(None, description="the MLflow run that made it")
    experiment: str | None = Field(None, description="the id of its experiment")
    commit: str | None = Field(None, description="the commit with the code of that run")
    licence: str | None = Field(None, description="under which licence it may be used")
    by: str | None = Field(None, description="who added it")
    at: datetime | None = Field(None, description="when, in UTC")


@dataclass(frozen=True, slots=True)
class Weights:
    """A described version: `path` is where its file or folder lies on this machine once pulled."""

    key: str
    version: str
    manifest: Manifest
    path: Path


@dataclass(frozen=True, slots=True)
class Known:
    """Every version that could be read, and the problems of descriptions that could not."""

    weights: tuple[Weights, ...]
    problems: tuple[Problem, ...]


def load(layout: Layout, key: str, version: str) -> Weights:
    """Read one description. Raises InvalidFile."""
    path = layout.checkpoint(key, version)
    document = documents.read(path, layout.relative(path))
    manifest = documents.validate(Manifest, document)
    try:
        path = file_of(layout, key, version, manifest.uri)
    except UsageError as error:
        raise InvalidFile([document.problem(("uri",), error.message, error.cure)]) from None
    return Weights(key, version, manifest, path)


def versions(layout: Layout, key: str) -> list[str]:
    """The versions that have a description, sorted; it need not be readable."""
    return sorted(path.stem for path in (layout.root / CHECKPOINTS / key).glob("*.yaml"))


def known(layout: Layout, key: str = "*") -> Known:
    """The versions of one model or of all, sorted by name and version."""
    found: list[Weights] = []
    problems: list[Problem] = []
    for path in sorted((layout.root / CHECKPOINTS).glob(f"{key}/*.yaml")):
        try:
            found.append(load(layout, path.parent.name, path.stem))
        except InvalidFile as error:
            problems += error.problems
    return Known(tuple(found), tuple(problems))


def select(layout: Layout, keys: Iterable[str]) -> Known:
    """The versions of the named models, or of all. Raises UsageError for one that has none."""
    wanted = list(dict.fromkeys(keys))
    if not wanted:
        return known(layout)
    for key in wanted:
        if problem := names.problem_with_name(key, dots=True):
            raise UsageError(f"{key!r} is no name of a model: {problem}")
    parts = {key: known(layout, key) for key in wanted}
    for key, part in parts.items():
        if not (part.weights or part.problems):
            others = {weights.key for weights in known(layout).weights}
            cure = did_you_mean(key, others) if others else "add some: mlws model add"
            raise UsageError(f"no weights are described for {key!r}", cure)
    return Known(
        tuple(weights for part in parts.values() for weights in part.weights),
        tuple(problem for part in parts.values() for problem in part.problems),
    )


def of_file(layout: Layout, path: Path) -> Weights | None:
    """The description of what lies, or is to lie, at a path; None when none says so.

    `path` may be the file itself or one inside of a folder that was added as a whole.
    """
    root = layout.root.resolve() / CHECKPOINTS
    place = path.absolute().resolve()
    if not place.is_relative_to(root) or len(place.relative_to(root).parts) < 3:
        return None
    key, version, *_ = place.relative_to(root).parts
    if not layout.checkpoint(key, version).is_file():
        return None
    weights = load(layout, key, version)
    return weights if place.is_relative_to(weights.path.resolve()) else None


def file_of(layout: Layout, key: str, version: str, uri: str) -> Path:
    """Where the content of a description lies on this machine. Raises UsageError."""
    inside = transfers.inside(layout.root, address(uri))
    if inside is not None:
        return inside
    return layout.checkpoint(key, version).with_suffix("") / transfers.file_name(uri)


def address(uri: str) -> str:
    """A uri as everything else takes it: `/mnt/x` is `file:///mnt/x`."""
    return Path(uri).as_uri() if uri.startswith("/") else uri


def write(layout: Layout, weights: Weights) -> Path:
    """Write the description; what is not known is left out."""
    path = layout.checkpoint(weights.key, weights.version)
    given = weights.manifest.model_dump(exclude_none=True)
    lines = [
        f"{key}: {value:%Y-%m-%dT%H:%M:%SZ}\n"
        if isinstance(value, datetime)
        else f"{key}: {documents.scalar(value)}\n"
        for key, value in given.items()
    ]
    files.write(path, "".join(lines))
    return path
