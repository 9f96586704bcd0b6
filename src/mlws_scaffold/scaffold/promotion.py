"""Promotion: a project rendered from the template that takes a colleague's files along."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.agents import catalog
from mlws_scaffold.agents.catalog import Found
from mlws_scaffold.agents.promote import carrying, judging
from mlws_scaffold.agents.promote.carrying import Carried, Provenance
from mlws_scaffold.agents.promote.judging import Models
from mlws_scaffold.errors import UsageError
from mlws_scaffold.scaffold import create
from mlws_scaffold.scaffold.create import Created, Project
from mlws_scaffold.workspace.config import Workspace


@dataclass(frozen=True, slots=True)
class Evidence:
    """The run that speaks for an experiment: its id and its metrics; empty when there is none."""

    run_id: str = ""
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """A promotion that nothing stands against: what goes where, and what is remembered of it."""

    carried: tuple[Carried, ...]
    provenance: Provenance

    @property
    def packages(self) -> tuple[str, ...]:
        """Packages of an experiment that come along below src/, beside the agent's own."""
        inside = {item.target.split("/")[1] for item in self.carried if item.target[:4] == "src/"}
        return tuple(sorted(name for name in inside if name != "agent" and "." not in name))

    def finish(self, made: Path) -> None:
        """Complete a rendered folder."""
        carrying.put(list(self.carried), made)
        carrying.remember(made, self.provenance)


def from_experiment(place: Workspace, folder: Path, evidence: Evidence) -> Plan:
    """Plan a prototype with the package of an experiment. Raises MlwsError with every refusal."""
    name = place.layout.relative(folder)
    judging.refuse(name, list(judging.of_experiment(place, folder)))
    provenance = Provenance(name, _commit(place, folder), evidence.run_id, evidence.metrics)
    return Plan(tuple(carrying.from_experiment(folder)), provenance)


def from_prototype(place: Workspace, folder: str, models: Models) -> tuple[Found, Plan]:
    """Plan a production agent from a prototype. Raises MlwsError with every refusal."""
    found = catalog.find(place.layout, folder)
    name = place.layout.relative(found.folder)
    if found.track != "prototype":
        raise UsageError(f"{name} is no prototype", "name a folder of agents/prototypes")
    judging.refuse(name, list(judging.of_prototype(place, found, models)))
    before = found.agent.promoted_from
    provenance = Provenance(
        name, _commit(place, found.folder), (before.run_id if before else None) or ""
    )
    return found, Plan(tuple(carrying.from_prototype(found.folder)), provenance)


def make(place: Workspace, wish: Project, plan: Plan) -> Created:
    """Render and complete, all or nothing."""
    return create.project(place, dataclasses.replace(wish, finish=plan.finish))


def _commit(place: Workspace, folder: Path) -> str:
    inside = place.layout.relative(folder)
    return Git(place.root).run("log", "-1", "--format=%H", "--", inside)
