"""`--from` of `mlws-new prototype` and `mlws-new agent`: brings together the rooms it needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.agents.catalog import Found
from mlws_scaffold.agents.promote import carrying, judging
from mlws_scaffold.agents.promote.judging import Standing
from mlws_scaffold.cli import output
from mlws_scaffold.errors import Unavailable
from mlws_scaffold.scaffold import create, promotion
from mlws_scaffold.scaffold.create import Created
from mlws_scaffold.scaffold.promotion import Evidence, Plan
from mlws_scaffold.workspace.config import Workspace


def of_experiment(here: Workspace, source: str) -> Plan:
    """The plan of a prototype made from an experiment, with its best run as evidence."""
    from mlws_scaffold.experiments import find
    from mlws_scaffold.experiments.life import sync

    entry = find.experiment(here, source, Path.cwd())
    evidence = Evidence()
    recorded = entry.metadata.results
    try:
        best, why = sync.best_of(entry.metadata, sync.runs(here, [entry]))
    except Unavailable as error:
        best, why = None, error.message
    if best is not None:
        evidence = Evidence(best.run_id, best.metrics)
    elif recorded is not None and recorded.run_id:
        evidence = Evidence(recorded.run_id)
    else:
        output.note(f"note: no run speaks for {entry.metadata.experiment_id}: {why}")
    return promotion.from_experiment(here, entry.folder, evidence)


def of_prototype(here: Workspace, source: str) -> tuple[Found, Plan]:
    """The plan of a production agent made from a prototype; the registry says about its model."""
    found, plan = promotion.from_prototype(here, source, _standings(here))
    if left := carrying.left_behind(found.folder):
        output.note(f"note: left behind in the prototype: {', '.join(left)}")
    return found, plan


@dataclass(frozen=True, slots=True)
class Before:
    """What a prototype was made with; None where it does not say."""

    purpose: str | None
    framework: str | None


def answers_of(found: Found) -> Before:
    """The answers a prototype was made with, for the agent that goes on from it."""
    recorded = create.recorded(found.folder)
    wanted = (recorded.get(f"prototype_{name}") for name in ("purpose", "framework"))
    purpose, framework = (str(value) if value else None for value in wanted)
    return Before(purpose, framework)


def warnings(here: Workspace, made: Created) -> Iterator[str]:
    """What would stand against a promotion, for an agent that was not made from a prototype."""
    key = str(made.answers.get("agent_model", ""))
    for refusal in judging.of_model(key, _standings(here)):
        yield f"{refusal.reason} ({refusal.cure})"


def remarks(plan: Plan | None) -> Iterator[str]:
    """What a production agent still needs because of what it took along."""
    for name in plan.packages if plan else ():
        yield (
            f"src/{name} came along: declare in pyproject.toml what it imports, test it here too"
            " (its lines count for the coverage), and delete what the agent does not use"
        )


def show(here: Workspace, plan: Plan, target: Path) -> None:
    """Print what a promotion would do."""
    output.line(f"would make {here.layout.relative(target)} from {plan.provenance.path}")
    output.line(f"  at commit {plan.provenance.commit}")
    if plan.provenance.run_id:
        output.line(f"  for which run {plan.provenance.run_id} speaks")
    for item in plan.carried:
        output.line(f"  {here.layout.relative(item.source)} -> {item.target}")
    if target.exists():
        output.line("  but it exists already: choose another name")


def _standings(here: Workspace) -> judging.Models:
    from mlws_scaffold.models import registry

    models = registry.load(here.layout).models

    def standing(key: str) -> Standing | None:
        found = models.get(key)
        return Standing(found.status, found.live is not None) if found else None

    return standing
