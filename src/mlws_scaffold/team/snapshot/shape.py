"""The shape of the snapshot, for its JSON Schema and for the tests that compare both."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from mlws_scaffold.team.snapshot.shape_things import Agent, Alert, Gpus, Licence, Models, Spent
from mlws_scaffold.team.snapshot.shape_work import (
    Commit,
    Experiment,
    Finding,
    Page,
    Person,
    Review,
    Run,
)


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
