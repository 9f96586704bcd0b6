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
from mlws_scaffold.workspace.table import Table

_MOST_BYTES = 1_000_000


class WorkspaceTable(Table):
    """`[workspace]`: names, and the two branches that work goes into."""

    name: str
    organisation: str = ""
    default_branch: str = "main"
    integration_branch: str = "develop"


class Person(Table):
    """`[team.HANDLE]`: a member, found by the git e-mail."""

    name: str = ""
    email: str = ""
    github: str = ""
    role: str = field(
        default="researcher", metadata={"choices": ("researcher", "engineer", "lead")}
    )


class Review(Table):
    """`[review]`: how many approvals a change needs."""

    experiments: int = 1
    agents: int = 2


class Tracking(Table):
    """`[tracking]`: where MLflow keeps the runs."""

    uri: str = "sqlite:///mlflow.db"


class ModelHosts(Table):
    """`[models.hosts]`: Ollama of each stage; empty means the default host."""

    testing: str = ""
    staging: str = ""
    production: str = ""


class Models(Table):
    """`[models]`: where models are served, and what counts as a regression."""

    host: str = "http://127.0.0.1:11434"
    pulls: int = 2
    storage: str = ""
    tolerance: float = 0.02
    benchmark_days: int = 30
    min_cases: int = 5
    hosts: ModelHosts = ModelHosts()


class StaticGpu(Table):
    """One of `[gpus] static`: a GPU that no library can tell."""

    index: int
    name: str
    memory: str = ""
    uuid: str = ""


class Gpus(Table):
    """`[gpus]`: the store of reservations, limits of one person, and hosts to look at."""

    store: str = ""
    max_hours: int = 72
    max_gpus: int = 4
    horizon_days: int = 30
    idle_minutes: int = 30
    required: bool = False
    static: tuple[StaticGpu, ...] = ()
    hosts: Mapping[str, str] = field(default_factory=dict)


class Price(Table):
    """One of `[[prices]]`: what an hour of a GPU costs from a day on."""

    gpu: str
    per_hour: float
    currency: str
    valid_from: date


class Slurm(Table):
    """`[compute.slurm]`: what jobs are handed in with."""

    partition: str = ""
    account: str = ""
    time: str = ""
    memory: str = ""
    gres: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)


class Cluster(Table):
    """`[compute.kubernetes]`: where jobs go, and the image they run in."""

    context: str = ""
    namespace: str = ""
    image: str = ""
    queue: str = ""


class Compute(Table):
    """`[compute]`: where runs go when nothing is said."""

    default: str = field(default="local", metadata={"choices": ("local", "slurm", "kubernetes")})
    slurm: Slurm = Slurm()
    kubernetes: Cluster = Cluster()


class Stage(Table):
    """`[deploy.staging]`, `[deploy.production]`: where an agent is served."""

    host: str = ""
    runner: str = ""
    port: int = 0
    context: str = ""
    namespace: str = ""


class Deploy(Table):
    """`[deploy]`: the registry, the target, and the steps of a canary."""

    registry: str = ""
    target: str = field(
        default="compose", metadata={"choices": ("compose", "kubernetes", "process")}
    )
    steps: tuple[int, ...] = (10, 50, 100)
    stage_limit_seconds: int = 1800
    min_requests: int = 50
    staging: Stage = Stage()
    production: Stage = Stage()


class Alerts(Table):
    """`[alerts]`: who hears of a firing rule."""

    receiver: str = field(default="", metadata={"choices": ("", "email", "slack", "webhook")})
    to: str = ""
    url_env: str = ""


class UpdateTable(Table):
    """`[update]`: files that were taken out of management."""

    own: tuple[str, ...] = ()


class Reports(Table):
    """`[reports]`: time zone, what counts as stale, and where reports go."""

    timezone: str = "UTC"
    stale_days: int = 14
    webhook_env: str = "MLWS_WEBHOOK"
    prometheus: str = ""


class ChecksTable(Table):
    """`[checks]`: rules that are off, and limits."""

    disable: tuple[str, ...] = ()
    max_file_mb: int = 10


class Data(Table):
    """`[data]`: where data sets lie."""

    answer: str = field(default="manifest", metadata={"choices": ("manifest", "lfs", "dvc")})
    storage: str = ""


class Config(Table):
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
