"""`metadata.yaml`: what an experiment declares. One pydantic model, as contracts.md has it."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, field_validator

from mlws_scaffold.adapters import documents
from mlws_scaffold.adapters.schema import Strict, WithOwnKeys
from mlws_scaffold.workspace import names

Status = Literal[
    "planned", "in_progress", "blocked", "completed", "failed", "abandoned", "archived"
]
STATUSES: tuple[str, ...] = get_args(Status)
CLOSED = ("completed", "failed", "abandoned")


def _as_date(value: Any) -> Any:
    """YAML gives a date or a text; both are a date. A time of day is dropped."""
    return value.date() if isinstance(value, datetime) else value


Day = Annotated[date, BeforeValidator(_as_date)]


class PrimaryMetric(Strict):
    name: str
    goal: Literal["maximize", "minimize"]
    target: float | None = None


class Baseline(Strict):
    metric: str
    value: float


class DataSource(Strict):
    name: str
    uri: str
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$")
    size: int | None = Field(None, ge=0, description="the number of bytes")
    licence: str | None = None


class Budget(Strict):
    gpu_hours: float | None = Field(None, ge=0)
    cost: float | None = Field(None, ge=0)


class Links(Strict):
    issue: str | None = None
    pr: str | None = None
    doc: str | None = None


class Archived(Strict):
    came_from: str = Field(alias="from")
    at: datetime
    by: str


class Results(Strict):
    best_metric: float | str | dict[str, Any] | None = None
    metric: str | None = None
    run_id: str | None = None
    commit: str | None = None
    synced_at: datetime | None = None


class Metadata(WithOwnKeys):
    """An experiment. Keys that start with `x_` are the team's own and pass unread."""

    experiment_id: str = Field(description="an id such as medical-qa-v1")
    researcher: str = Field(description="the handle of the folder above")
    created: Day = Field(description="a date such as 2026-10-19")
    updated: Day | None = Field(None, description="a date such as 2026-10-19")
    status: Status = Field(description=f"one of {', '.join(STATUSES)}")
    goal: str = Field(
        description="one sentence of 10 to 300 characters: what should be known at the end"
    )
    hypothesis: str | None = Field(None, description="what you expect, and why")
    tags: tuple[str, ...] = Field((), description="a list such as [rag, medical]")
    mlflow_experiment: str | None = Field(None, description="the name used in MLflow")
    owner: str | None = None
    team: tuple[str, ...] = ()
    parent: str | None = None
    baseline: str | Baseline | None = None
    primary_metric: PrimaryMetric | None = None
    data: tuple[DataSource, ...] = ()
    budget: Budget | None = None
    links: Links | None = None
    conclusion: str | None = Field(None, description="what was learned")
    decision: Literal["adopt", "iterate", "drop"] | None = None
    archived: Archived | None = None
    results: Results | None = None

    @field_validator("experiment_id")
    @classmethod
    def _id(cls, value: str) -> str:
        if problem := names.problem_with_experiment_id(value):
            raise ValueError(f"{value!r}: {problem}")
        return value

    @field_validator("goal")
    @classmethod
    def _goal(cls, value: str) -> str:
        if problem := names.problem_with_text(value, least=10):
            raise ValueError(problem)
        return value

    @property
    def responsible(self) -> str:
        """The owner; the researcher until a handoff was accepted."""
        return self.owner or self.researcher


def load(path: Path, name: str = "") -> Metadata:
    """Read and judge one `metadata.yaml`. Raises InvalidFile with the place of each mistake."""
    return documents.validate(Metadata, documents.read(path, name))
