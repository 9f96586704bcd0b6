"""`mlws.toml` as frozen dataclasses: every table and key there is, with its default.

`contracts.md` lists the same tables; the JSON Schema that editors use is made from these classes.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from mlws_scaffold.errors import InvalidFile, Problem
from mlws_scaffold.workspace import reading
from mlws_scaffold.workspace.layout import CONFIG, Layout

_MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class WorkspaceTable:
    name: str
    organisation: str = ""
    default_branch: str = "main"
    integration_branch: str = "develop"


@dataclass(frozen=True, slots=True)
class Person:
    name: str = ""
    email: str = ""
    github: str = ""
    role: str = field(
        default="researcher", metadata={"choices": ("researcher", "engineer", "lead")}
    )


@dataclass(frozen=True, slots=True)
class Review:
    experiments: int = 1
    agents: int = 2


@dataclass(frozen=True, slots=True)
class Tracking:
    uri: str = "sqlite:///mlflow.db"


@dataclass(frozen=True, slots=True)
class ModelHosts:
    testing: str = ""
    staging: str = ""
    production: str = ""


@dataclass(frozen=True, slots=True)
class Models:
    host: str = "http://127.0.0.1:11434"
    pulls: int = 2
    storage: str = ""
    tolerance: float = 0.02
    benchmark_days: int = 30
    min_cases: int = 5
    hosts: ModelHosts = ModelHosts()


@dataclass(frozen=True, slots=True)
class StaticGpu:
    index: int
    name: str
    memory: str = ""
    uuid: str = ""


@dataclass(frozen=True, slots=True)
class Gpus:
    store: str = ""
    max_hours: int = 72
    max_gpus: int = 4
    horizon_days: int = 30
    idle_minutes: int = 30
    required: bool = False
    static: tuple[StaticGpu, ...] = ()
    hosts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Price:
    gpu: str
    per_hour: float
    currency: str
    valid_from: date


@dataclass(frozen=True, slots=True)
class Slurm:
    partition: str = ""
    account: str = ""
    time: str = ""
    memory: str = ""
    gres: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cluster:
    context: str = ""
    namespace: str = ""
    image: str = ""
    queue: str = ""


@dataclass(frozen=True, slots=True)
class Compute:
    default: str = field(default="local", metadata={"choices": ("local", "slurm", "kubernetes")})
    slurm: Slurm = Slurm()
    kubernetes: Cluster = Cluster()


@dataclass(frozen=True, slots=True)
class Stage:
    host: str = ""
    runner: str = ""
    port: int = 0
    context: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Deploy:
    registry: str = ""
    target: str = field(
        default="compose", metadata={"choices": ("compose", "kubernetes", "process")}
    )
    steps: tuple[int, ...] = (10, 50, 100)
    stage_limit_seconds: int = 1800
    min_requests: int = 50
    staging: Stage = Stage()
    production: Stage = Stage()


@dataclass(frozen=True, slots=True)
class Alerts:
    receiver: str = field(default="", metadata={"choices": ("", "email", "slack", "webhook")})
    to: str = ""
    url_env: str = ""


@dataclass(frozen=True, slots=True)
class UpdateTable:
    own: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reports:
    timezone: str = "UTC"
    stale_days: int = 14
    webhook_env: str = "MLWS_WEBHOOK"
    prometheus: str = ""


@dataclass(frozen=True, slots=True)
class ChecksTable:
    disable: tuple[str, ...] = ()
    max_file_mb: int = 10


@dataclass(frozen=True, slots=True)
class Data:
    answer: str = field(default="manifest", metadata={"choices": ("manifest", "lfs", "dvc")})
    storage: str = ""


@dataclass(frozen=True, slots=True)
class Config:
    """All of `mlws.toml`. Budgets are in the currency of the prices, by `month` or handle."""

    workspace: WorkspaceTable
    team: Mapping[str, Person] = field(default_factory=dict)
    review: Review = Review()
    tracking: Tracking = Tracking()
    models: Models = Models()
    gpus: Gpus = Gpus()
    prices: tuple[Price, ...] = ()
    budgets: Mapping[str, float] = field(default_factory=dict)
    compute: Compute = Compute()
    deploy: Deploy = Deploy()
    alerts: Alerts = Alerts()
    update: UpdateTable = UpdateTable()
    reports: Reports = Reports()
    checks: ChecksTable = ChecksTable()
    data: Data = Data()


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace's paths and configuration, and where each overridden value came from."""

    layout: Layout
    config: Config
    sources: Mapping[str, str]

    @property
    def root(self) -> Path:
        return self.layout.root


def load(root: Path, environment: Mapping[str, str] | None = None) -> Workspace:
    """Read `mlws.toml`; `MLWS_<TABLE>_<KEY>` in the environment overrides a plain value.

    Raises InvalidFile with one problem per mistake, each with its line.
    """
    path = root / CONFIG
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InvalidFile(
                [Problem(CONFIG, "is larger than 1000 kB", "take out what is no setting")]
            )
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidFile(
            [Problem(CONFIG, f"is not UTF-8: {error.reason}", "save it as UTF-8")]
        ) from None
    except OSError as error:
        raise InvalidFile([Problem(CONFIG, f"cannot be read: {error.strerror}")]) from None
    return parse(text, root, os.environ if environment is None else environment)


def parse(text: str, root: Path, environment: Mapping[str, str]) -> Workspace:
    """The same from the text of a `mlws.toml`, such as another commit's. Raises InvalidFile."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidFile([reading.syntax_problem(CONFIG, str(error))]) from None
    except (RecursionError, ValueError) as error:  # thousands of brackets, or of digits
        raise InvalidFile(
            [Problem(CONFIG, f"cannot be read as TOML: {error}", "write it simpler")]
        ) from None
    sources = reading.override(data, Config, environment)
    config = reading.read(Config, data, reading.Source(CONFIG, text, sources))
    return Workspace(Layout(root), config, sources)
