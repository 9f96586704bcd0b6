"""`models/registry.yaml`: which models the team has, as contracts.md has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, get_args

from pydantic import ConfigDict, Field, PrivateAttr

from mlws_scaffold.adapters import documents, files, roundtrip
from mlws_scaffold.adapters.schema import Strict, WithOwnKeys
from mlws_scaffold.errors import InvalidFile, MlwsError, Problem, UsageError, did_you_mean
from mlws_scaffold.workspace import names
from mlws_scaffold.workspace.layout import REGISTRY, Layout

Status = Literal["development", "testing", "staging", "production", "deprecated"]
STATUSES: tuple[str, ...] = get_args(Status)


class Performance(Strict):
    """Measured figures, numbers or text; latencies as text with a unit (`850ms`, `1.2s`)."""

    model_config = ConfigDict(extra="allow", frozen=True)
    accuracy: float | str | None = None
    latency_p50: str | float | None = None
    latency_p95: str | float | None = None


class Live(Strict):
    """What is in production. Only promotion and rollback write it."""

    version: str
    digest: str | None = None
    since: datetime | date | None = None
    modelfile_commit: str | None = None


class Model(WithOwnKeys):
    """One entry. Keys that start with `x_` are the team's own and pass unread."""

    source: Literal["ollama", "custom"] = Field(
        description="ollama (pulled) or custom (built here)"
    )
    model_name: str | None = Field(None, description="the name in Ollama, such as llama3.1:8b")
    base_model: str | None = Field(None, description="the FROM of the Modelfile")
    modelfile: str | None = Field(None, description="a path such as modelfiles/NAME.Modelfile")
    version: str | int | float | date | None = Field(None, description="a version such as v1.0.0")
    purpose: str | None = None
    tags: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    created: date | None = Field(None, description="a date such as 2026-10-19")
    updated: date | None = Field(None, description="a date such as 2026-10-19")
    status: Status = Field("development", description=f"one of {', '.join(STATUSES)}")
    performance: Performance | None = None
    digest: str | None = Field(
        None, pattern="^sha256:[0-9a-f]{64}$", description="sha256: and 64 hex digits"
    )
    live: Live | None = None

    def name_in_ollama(self, key: str) -> str:
        """The name on a server: what is pulled, or (custom) what is built."""
        return self.model_name or key


FIELDS: tuple[str, ...] = tuple(Model.model_fields)
_INNER = {"performance": tuple(Performance.model_fields), "live": tuple(Live.model_fields)}


class Registry(Strict):
    models: Mapping[str, Model] = Field(
        default_factory=dict, description="a mapping from key to model"
    )
    _document: documents.Document | None = PrivateAttr(None)

    def problem(self, keys: documents.Keys, message: str, cure: str = "") -> Problem:
        """A problem at the keys below `models`, in its line where the registry came from a file."""
        at = ("models", *keys)
        if self._document is None:
            return Problem(REGISTRY, message, cure, ".".join(map(str, at)))
        return self._document.problem(at, message, cure)


def load(layout: Layout) -> Registry:
    """Read and judge the registry. Raises InvalidFile with line and column of each mistake."""
    return judged(documents.read(layout.registry, REGISTRY))


def judged(document: documents.Document) -> Registry:
    """The registry in a document, as `load` has it. Raises InvalidFile."""
    data = document.data
    if isinstance(data, dict) and data.get("models", 0) is None:
        data["models"] = {}
    registry = documents.validate(Registry, document)
    registry._document = document
    problems = [
        document.problem(("models", key, "model_name"), "missing", "name the model as Ollama does")
        for key, model in registry.models.items()
        if model.source == "ollama" and not model.model_name
    ]
    problems += [
        document.problem(("models", key), f"bad key {key!r}", problem)
        for key in registry.models
        if (problem := names.problem_with_name(key, dots=True))
    ]
    if problems:
        raise InvalidFile(problems)
    return registry


def select(registry: Registry, keys: Iterable[str]) -> dict[str, Model]:
    """The named entries, or all. Raises UsageError on a key that the registry does not have."""
    wanted = list(dict.fromkeys(keys))
    for key in wanted:
        if key not in registry.models:
            cure = did_you_mean(key, registry.models) if registry.models else "it is empty"
            raise UsageError(f"{REGISTRY} has no model {key!r}", cure)
    return {key: registry.models[key] for key in wanted or registry.models}


def add(layout: Layout, key: str, entry: Mapping[str, Any]) -> None:
    """Add an entry at the end; all else stays as it is. Raises MlwsError when the key is taken."""
    with files.locked(layout.registry.parent):
        text = _text(layout)
        data = documents.parse(text.encode(), REGISTRY).data
        models = data.get("models") if isinstance(data, dict) else data
        if not isinstance(data, dict) or not isinstance(models or {}, dict):
            problem = Problem(
                REGISTRY, "has no mapping `models`", "write `models:`", "models", 1, 1
            )
            raise InvalidFile([problem])
        if key in (models or {}):
            raise MlwsError(f"{REGISTRY} has a model {key!r} already", "choose another name")
        _write(layout, text, {"models": {key: _ordered(entry)}})


def update(layout: Layout, key: str, changes: Mapping[str, object]) -> None:
    """Change the entry of one model; None takes a field out, a mapping is merged field by field.

    New fields come in the canonical order; comments, order and all other lines stay. What would
    not load is not written. Raises MlwsError for an unknown key, InvalidFile for a broken file.
    """
    with files.locked(layout.registry.parent):
        text = _text(layout)
        models = load(layout).models
        if key not in models:
            raise MlwsError(f"{REGISTRY} has no model {key!r}", did_you_mean(key, models))
        _write(layout, text, {"models": {key: _ordered(changes)}})


def _write(layout: Layout, text: str, changes: Mapping[str, Any]) -> None:
    after = roundtrip.merge(text, REGISTRY, changes, _order)
    judged(documents.parse(after.encode(), REGISTRY))
    if after != text:
        files.write(layout.registry, after)


def _text(layout: Layout) -> str:
    try:
        return layout.registry.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidFile([Problem(REGISTRY, f"cannot be read: {error}")]) from None


def _order(above: documents.Keys) -> Sequence[str]:
    """The fields of an entry, of its performance, or of its live pointer, in their order."""
    if len(above) == 2:
        return FIELDS
    return _INNER.get(str(above[-1]), ()) if len(above) == 3 else ()


def _ordered(changes: Mapping[str, Any], order: Sequence[str] = FIELDS) -> dict[str, Any]:
    """The changes in canonical order, in the types that YAML has."""
    rank = {name: number for number, name in enumerate(order)}
    result: dict[str, Any] = {}
    for name, value in sorted(changes.items(), key=lambda pair: rank.get(pair[0], len(rank))):
        if value is None:
            result[name] = roundtrip.REMOVE
        elif isinstance(value, Mapping):
            result[name] = _ordered(value, _INNER.get(name, ()))
        else:
            result[name] = list(value) if isinstance(value, tuple) else value
    return result
