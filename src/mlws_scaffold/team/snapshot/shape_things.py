"""The shape of what the team has: models, agents, GPUs, costs, licences, alerts."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import TypedDict

from mlws_scaffold.team.snapshot.shape_work import Costs


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
