"""From an agent back to the run, commit and data behind it, and from a run on to its agents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlws_scaffold.adapters import documents
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.agents import catalog
from mlws_scaffold.agents.catalog import Agent, Found, PromotedFrom
from mlws_scaffold.errors import InvalidFile
from mlws_scaffold.workspace.config import Workspace
from mlws_scaffold.workspace.layout import AGENT, EXPERIMENTS, PROTOTYPES

_MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Link:
    """One thing of the chain. `missing` says why it could not be followed; empty when it could."""

    kind: str  # agent, model, prototype, experiment, run, commit, data
    name: str
    facts: Mapping[str, str] = field(default_factory=dict)
    missing: str = ""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What the registry says of a model."""

    status: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the tracking store says of a run. `commit` holds the run's code, changes included."""

    run_id: str
    experiment_id: str
    folder: str
    commit: str
    who: str
    metrics: Mapping[str, float]
    data: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sources:
    """Who is asked about what lies outside this room; a text instead of facts says why not."""

    model: Callable[[str], ModelFacts | str]
    run: Callable[[str], RunFacts | str]


def of_agent(place: Workspace, found: Found, sources: Sources) -> list[Link]:
    """The chain agent, model, prototype, experiment, run, commit, data, as far as it leads."""
    inside = place.layout.relative(found.folder)
    chain = [_agent(inside, found.track, found.agent), _model(found.agent, sources)]
    run_id, origin = "", found.agent.promoted_from
    while origin is not None:
        run_id = run_id or origin.run_id or ""
        link, origin = _origin(place, origin)
        chain.append(link)
    if run_id:
        return [*chain, *_run(run_id, sources)]
    return [*chain, Link("run", "", missing="no run was recorded when it was promoted")]


def of_run(place: Workspace, facts: RunFacts, sources: Sources) -> list[Link]:
    """The run and its origins first, then the prototypes and agents of this tree made from it."""
    chain = [*_run_links(facts), Link("experiment", facts.folder, {"id": facts.experiment_id})]
    known, _ = catalog.every(place.layout)
    reached = {facts.folder, *_moved(facts.folder)}
    for found in sorted(known, key=lambda one: one.track == "production"):
        origin = found.agent.promoted_from
        if origin is None or (origin.run_id or facts.run_id) != facts.run_id:
            continue
        if origin.path in reached or origin.run_id == facts.run_id:
            inside = place.layout.relative(found.folder)
            reached.add(inside)
            chain += [_agent(inside, found.track, found.agent), _model(found.agent, sources)]
    return chain


def _agent(inside: str, track: str, agent: Agent) -> Link:
    kind = "agent" if track == "production" else "prototype"
    facts = {"owner": agent.owner}
    if agent.promoted_from is not None:
        facts["from"] = f"{agent.promoted_from.path}@{agent.promoted_from.commit[:12]}"
    return Link(kind, inside, facts)


def _model(agent: Agent, sources: Sources) -> Link:
    found = sources.model(agent.model)
    if isinstance(found, str):
        return Link("model", agent.model, missing=found)
    facts = {"status": found.status, "version": found.version, "digest": found.digest}
    return Link("model", agent.model, {key: value for key, value in facts.items() if value})


def _origin(place: Workspace, origin: PromotedFrom) -> tuple[Link, PromotedFrom | None]:
    """What something was promoted from, as it was at that commit, and where that came from."""
    kind = "prototype" if origin.path.startswith(f"{PROTOTYPES}/") else "experiment"
    facts = {"commit": origin.commit}
    facts |= {name: f"{value:g}" for name, value in origin.metrics.items()}
    git = Git(place.root)
    if git.commit_of(origin.commit) is None:
        why = f"commit {origin.commit[:12]} is not here: git fetch origin, or ask its author"
        return Link(kind, origin.path, facts, why), None
    if kind == "experiment":
        return Link(kind, origin.path, facts), None
    prefix = git.run("rev-parse", "--show-prefix")
    name = f"{origin.commit}:{prefix}{origin.path}/{AGENT}"
    with git.objects() as objects:
        (found,) = objects.read([name], _MOST_BYTES)
    if found is None or found.content is None:
        return Link(kind, origin.path, facts, f"no {AGENT} at that commit"), None
    try:
        agent = documents.validate(Agent, documents.parse(found.content, f"{origin.path}/{AGENT}"))
    except InvalidFile as error:
        return Link(kind, origin.path, facts, error.message), None
    return Link(kind, origin.path, facts), agent.promoted_from


def _run(run_id: str, sources: Sources) -> list[Link]:
    found = sources.run(run_id)
    if isinstance(found, str):
        return [Link("run", run_id, missing=found)]
    return _run_links(found)


def _run_links(found: RunFacts) -> list[Link]:
    metrics = {name: f"{value:g}" for name, value in sorted(found.metrics.items())}
    chain = [Link("run", found.run_id, {"by": found.who, **metrics})]
    if found.commit:
        chain.append(Link("commit", found.commit))
    else:
        chain.append(Link("commit", "", missing="the run was not made by mlws run"))
    data = sorted(found.data.items())
    return [*chain, *(Link("data", name, {"sha256": value}) for name, value in data)]


def _moved(folder: str) -> Iterator[str]:
    """Where an experiment lies once it is archived, and the other way round."""
    parts = Path(folder).parts
    if len(parts) == 4:
        for half in (EXPERIMENTS, EXPERIMENTS.replace("active", "archive")):
            yield "/".join([half, *parts[2:]])
