"""The shape of what people do: experiments, runs, commits, reviews, pages, findings."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import TypedDict

Costs = dict[str, float]
Severity = Literal["error", "warning", "notice"]


class Person(TypedDict):
    handle: str
    name: str
    role: str
    active: bool | None


class Filed(TypedDict):
    metric: str | None
    value: Any
    run_id: str | None


class Baseline(TypedDict):
    experiment: str | None
    metric: str | None
    value: float | None


class Links(TypedDict):
    branch: str | None
    pr: str | None
    issue: str | None
    doc: str | None
    run: str | None
    handoff: str | None


Move = TypedDict(
    "Move",
    {"at": str, "by": str, "from": str | None, "to": str, "commit": str, "branch": str},
)


class Experiment(TypedDict):
    experiment_id: str
    researcher: str
    status: str
    created: str
    goal: str
    tags: list[str]
    parent: str | None
    decision: str | None
    owner: str
    metric: str | None
    best_metric: float | None
    run_id: str | None
    folder: str
    archived: bool
    branch: str
    tree: str
    uncommitted: bool
    duplicate_of: list[str]
    last_activity: str | None
    activity_source: str | None
    stale: bool | None
    hypothesis: str | None
    conclusion: str | None
    primary_metric: str | None
    goal_of_metric: str | None
    target: float | None
    budget: dict[str, float | None] | None
    best_source: Literal["mlflow", "file"] | None
    filed: Filed | None
    spark: list[float]
    runs: int | None
    lost_runs: list[str] | None
    baseline: Baseline | None
    delta: float | None
    gpu_hours: float | None
    cost: Costs | None
    links: Links
    moves: list[Move]


class Best(TypedDict):
    metric: str
    value: float


class Run(TypedDict):
    run_id: str
    experiment: str
    state: str
    who: str
    started: str
    ended: str | None
    seconds: float | None
    best: Best | None


class Commit(TypedDict):
    commit: str
    branch: str
    author: str
    at: str
    subject: str
    pr: int | None
    squashed: bool
    into: str | None


class Review(TypedDict):
    number: int
    title: str
    author: str
    state: str
    draft: bool
    decision: str
    updated: str
    merged: str | None
    branch: str
    url: str
    approved_by: list[str]


class Page(TypedDict):
    kind: Literal["adr", "learning", "handoff", "runbook"]
    title: str
    path: str
    branch: str | None
    at: str | None
    status: str | None
    by: str | None
    text: str


class Finding(TypedDict):
    rule: str
    severity: Severity
    subject: str
    text: str
    evidence: str
    cure: str
    who: list[str]
