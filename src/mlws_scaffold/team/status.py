"""The workspace on one screen: counts that were made, and why the others were not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mlws_scaffold import __version__
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.agents import catalog
from mlws_scaffold.errors import InvalidFile, MlwsError, Problem
from mlws_scaffold.experiments import spec
from mlws_scaffold.experiments.index import entries
from mlws_scaffold.gpus import devices
from mlws_scaffold.models import registry
from mlws_scaffold.scaffold import setup
from mlws_scaffold.workspace.config import Workspace


@dataclass(frozen=True, slots=True)
class Count:
    """Things by kind or state, in the order people know; `unknown` says why nothing was counted."""

    by: Mapping[str, int] = field(default_factory=dict)
    unknown: str = ""

    @property
    def text(self) -> str:
        """`3 in_progress, 1 archived`, `none`, or `not measured: why`."""
        if self.unknown:
            return f"not measured: {self.unknown}"
        return ", ".join(f"{number} {name}" for name, number in self.by.items()) or "none"


@dataclass(frozen=True, slots=True)
class Status:
    """What `mlws status` shows. `broken`: files that could not be read, each with its problems."""

    name: str
    root: str
    branch: str
    experiments: Count
    models: Count
    agents: Count
    gpus: str
    template: str
    mlws: str
    own: tuple[str, ...]  # what the team took over from the template
    broken: tuple[Problem, ...]


def measure(place: Workspace) -> Status:
    """Look at the files, git and the GPUs. A broken file is named, never raised."""
    broken: list[Problem] = []
    return Status(
        name=place.config.workspace.name,
        root=str(place.root),
        branch=_branch(place),
        experiments=_experiments(place, broken),
        models=_models(place, broken),
        agents=_agents(place, broken),
        gpus=devices.survey().text,
        template=str(setup.recorded_answers(place.root).get("_commit") or "not recorded"),
        mlws=__version__,
        own=place.config.update.own,
        broken=tuple(broken),
    )


def _branch(place: Workspace) -> str:
    git = Git(place.root)
    try:
        if git.toplevel() is None:
            return "not measured: no git repository"
        name = git.branch()
        if not name:
            return f"detached at {git.run('rev-parse', '--short', 'HEAD')}"
        if not git.commit_of("HEAD"):
            return f"{name} (no commit yet)"
        changed = len(git.changed())
    except MlwsError as error:
        return f"not measured: {error.message}"
    return f"{name} ({changed} uncommitted)" if changed else name


def _experiments(place: Workspace, broken: list[Problem]) -> Count:
    found = entries.of_working_tree(place.layout)
    broken.extend(found.problems)
    return Count(_tally((entry.metadata.status for entry in found.entries), spec.STATUSES))


def _models(place: Workspace, broken: list[Problem]) -> Count:
    try:
        models = registry.load(place.layout).models
    except InvalidFile as error:
        broken.extend(error.problems)
        return Count(unknown="models/registry.yaml is broken")
    return Count(_tally((model.status for model in models.values()), registry.STATUSES))


def _agents(place: Workspace, broken: list[Problem]) -> Count:
    tracks = []
    for folder, track in catalog.folders(place.layout):
        try:
            catalog.load(folder, place.layout.relative(folder / "agent.yaml"))
        except InvalidFile as error:
            broken.extend(error.problems)
        else:
            tracks.append(track)
    return Count(_tally(tracks, ("prototype", "production")))


def _tally(words: Iterable[str], order: Iterable[str]) -> dict[str, int]:
    counted = Counter(words)
    return {word: counted[word] for word in order if counted[word]}
