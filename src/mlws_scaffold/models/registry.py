"""`models/registry.yaml`: which models the team has, as contracts.md has it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal, get_args

from pydantic import ConfigDict, Field

from mlws_scaffold.adapters import documents, files, roundtrip
from mlws_scaffold.adapters.schema import Strict, WithOwnKeys
from mlws_scaffold.errors import InvalidFile, MlwsError, Problem
from mlws_scaffold.workspace import names
from mlws_scaffold.workspace.layout import REGISTRY, Layout

Status = Literal["development", "testing", "staging", "production", "deprecated"]
STATUSES: tuple[str, ...] = get_args(Status)


class Performance(Strict):
    """Measured figures; latencies as text with a unit (`850ms`, `1.2s`)."""

    model_config = ConfigDict(extra="allow", frozen=True)
    accuracy: float | None = None
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
    version: str | float | None = Field(None, description="a version such as v1.0.0")
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


class Registry(Strict):
    models: Mapping[str, Model] = Field(
        default_factory=dict, description="a mapping from key to model"
    )


def load(layout: Layout) -> Registry:
    """Read and judge the registry. Raises InvalidFile with line and column of each mistake."""
    document = documents.read(layout.registry, REGISTRY)
    data = document.data
    if isinstance(data, dict) and data.get("models", 0) is None:
        data["models"] = {}
    registry = documents.validate(Registry, document)
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


def add(layout: Layout, key: str, entry: Mapping[str, Any]) -> None:
    """Add an entry at the end; comments and order of the rest stay. Raises MlwsError when taken."""

    def put(data: Any) -> None:
        if not isinstance(data.get("models") or {}, dict):
            raise InvalidFile(
                [Problem(REGISTRY, "has no mapping `models`", "write `models:`", "models", 1, 1)]
            )
        if data.get("models") is None:
            data["models"] = {}
        if key in data["models"]:
            raise MlwsError(f"{REGISTRY} has a model {key!r} already", "choose another name")
        data["models"][key] = {name: roundtrip.written(value) for name, value in entry.items()}

    with files.locked(layout.registry.parent):
        try:
            text = layout.registry.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidFile([Problem(REGISTRY, f"cannot be read: {error}")]) from None
        files.write(layout.registry, roundtrip.edit(text, REGISTRY, put))
