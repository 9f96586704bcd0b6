"""The shape of the snapshot, for its JSON Schema and for the tests that compare both."""

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


class Live(TypedDict):
    version: str
    digest: str | None
    since: str | None


class Model(TypedDict):
    key: str
    source: str
    version: str | None
    status: str
    live: Live | None
    owners: list[str]
    base_model: str | None
    performance: dict[str, Any]
    drift: str | None
    drift_why: str


class Models(TypedDict):
    entries: list[Model]
    history: list[dict[str, Any]]


class Traffic(TypedDict):
    requests: int
    errors: int


class Serving(TypedDict):
    versions: dict[str, str]
    weights: dict[str, int]
    traffic: dict[str, Traffic]
    health: bool | None


class Agent(TypedDict):
    name: str
    track: Literal["prototype", "production"]
    version: str | None
    model: str
    owner: str
    slo: dict[str, Any] | None
    deployments: list[dict[str, Any]]
    status: Serving | None
    uptime: float | None
    why: dict[str, str]


class Device(TypedDict):
    host: str
    index: int
    uuid: str
    name: str
    memory: int | None


Reservation = TypedDict(
    "Reservation",
    {
        "id": int,
        "host": str,
        "gpu": int,
        "uuid": str,
        "who": str,
        "from": str,
        "until": str,
        "kind": str,
        "state": str,
        "purpose": str,
        "experiment": str | None,
        "used": float | None,
    },
)


class Waiting(TypedDict):
    who: str
    gpus: int
    host: str | None
    hours: float
    since: str
    turn: bool


class Gpus(TypedDict):
    devices: list[Device]
    reservations: list[Reservation]
    queue: list[Waiting]


class Used(TypedDict):
    key: str
    runs: int
    allocated_hours: float
    measured_hours: float
    busy_hours: float | None
    energy_kwh: float | None
    unpriced_hours: float
    costs: Costs


class Budget(TypedDict):
    name: str
    limit: float
    spent: float
    unit: str
    state: Literal["kept", "near", "breached", "not judged"]
    why: str
    breached: bool


class Waste(TypedDict):
    idle_hours: float
    lost_hours: float
    lost_runs: int
    unused_reserved_hours: float | None


class Span(TypedDict):
    since: str
    until: str


class Trend(TypedDict):
    before: Costs


class Spent(TypedDict):
    period: Span
    currency: str | None
    total: Used
    person: list[Used]
    experiment: list[Used]
    agent: list[Used]
    gpu: list[Used]
    week: list[Used]
    unpriced: dict[str, float]
    budgets: list[Budget]
    waste: Waste
    trend: Trend


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


class Licence(TypedDict):
    kind: Literal["model", "weights", "data"]
    name: str
    licence: str | None
    where: str
    card: str | None
    by: str | None


class Alert(TypedDict):
    kind: Literal["dependency", "code", "secret"]
    severity: str
    summary: str
    where: str
    url: str


class _Section(TypedDict):
    source: str
    ok: bool
    why: str
    notes: list[str]


class People(_Section):
    data: list[Person]


class Experiments(_Section):
    data: list[Experiment]


class Runs(_Section):
    data: list[Run]


class Commits(_Section):
    data: list[Commit]


class Reviews(_Section):
    data: list[Review]


class ModelsSection(_Section):
    data: Models


class Agents(_Section):
    data: list[Agent]


class GpusSection(_Section):
    data: Gpus


class Nothing(TypedDict):
    """The data of costs where they were not measured."""


class CostsSection(_Section):
    data: Spent | Nothing


class Knowledge(_Section):
    data: list[Page]


class Attention(_Section):
    data: list[Finding]


class Licences(_Section):
    data: list[Licence]


class Security(_Section):
    data: list[Alert]


class Sections(TypedDict, total=False):
    people: People
    experiments: Experiments
    runs: Runs
    commits: Commits
    reviews: Reviews
    models: ModelsSection
    agents: Agents
    gpus: GpusSection
    costs: CostsSection
    knowledge: Knowledge
    attention: Attention
    licences: Licences
    security: Security


class Workspace(TypedDict):
    name: str
    organisation: str
    default_branch: str
    root_name: str


class Snapshot(TypedDict):
    version: Literal[1]
    at: str
    zone: str
    since: str
    workspace: Workspace
    commit: str | None
    sections: Sections
