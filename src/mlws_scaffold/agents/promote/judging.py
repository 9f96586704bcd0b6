"""What stands against a promotion. Everything is named at once, each with its cure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.agents.catalog import Found
from mlws_scaffold.agents.evaluation.places import BASELINE, WRITTEN
from mlws_scaffold.agents.promote.carrying import TESTS
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.workspace.config import Workspace
from mlws_scaffold.workspace.layout import REGISTRY

# What a model must have reached before an agent on it may become a production agent.
READY = ("staging", "production")


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason, and what to do about it."""

    reason: str
    cure: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a registered model stands: its status, and whether a version of it is live."""

    status: str
    live: bool


Models = Callable[[str], Standing | None]
"""Says where the model with this key stands; None when the registry does not have it."""


def refuse(what: str, refusals: list[Refusal]) -> None:
    """Raise MlwsError with every reason; nothing when there is none."""
    if len(refusals) == 1:
        raise MlwsError(f"{what} is not promoted: {refusals[0].reason}", refusals[0].cure)
    if refusals:
        lines = "".join(f"\n  - {item.reason} (cure: {item.cure})" for item in refusals)
        raise MlwsError(f"{what} is not promoted, for {len(refusals)} reasons:{lines}")


def of_experiment(place: Workspace, folder: Path) -> Iterator[Refusal]:
    """What stands against a prototype made from an experiment."""
    yield from _uncommitted(place, folder)
    if not any((folder / "src").glob("*/*.py")):
        yield Refusal("it has no package below src/", "put what the agent needs into src/PACKAGE")


def of_prototype(place: Workspace, found: Found, models: Models) -> Iterator[Refusal]:
    """What stands against a production agent made from a prototype."""
    yield from _uncommitted(place, found.folder)
    agent = found.agent
    if agent.owner not in place.config.team:
        cure = f"write a handle of [team] into agent.yaml, or add [team.{agent.owner}] to mlws.toml"
        yield Refusal(f"its owner {agent.owner!r} is not in [team]", cure)
    tests = found.folder / TESTS
    text = tests.read_text(encoding="utf-8", errors="replace") if tests.is_file() else ""
    if not re.search(r"^(async )?def test_", text, re.MULTILINE):
        yield Refusal(f"it has no tests in {TESTS}", "say there what must stay true of it")
    yield from _baseline(place, found)
    yield from of_model(agent.model, models)


def of_model(key: str, models: Models) -> Iterator[Refusal]:
    """What stands against using a model in a production agent."""
    standing = models(key)
    if standing is None:
        cure = f"name one of its keys in agent.yaml, or add it: mlws-new model {key}"
        yield Refusal(f"its model {key!r} is not in {REGISTRY}", cure)
    elif standing.status not in READY and not standing.live:
        yield Refusal(
            f"its model {key!r} is in {standing.status}, and staging or production is asked for",
            f"mlws model promote {key} --to testing, then --to staging",
        )


def _uncommitted(place: Workspace, folder: Path) -> Iterator[Refusal]:
    git = Git(place.root)
    if git.toplevel() is None:
        yield Refusal("this is no git repository, so nothing could lead back to it", "mlws setup")
        return
    inside = place.layout.relative(folder)
    if changed := git.changed(inside):
        some = ", ".join(sorted(changed)[:3]) + (", …" if len(changed) > 3 else "")
        yield Refusal(f"{inside} has uncommitted changes: {some}", "commit them")


def _baseline(place: Workspace, found: Found) -> Iterator[Refusal]:
    """A baseline counts when the agent is still what was evaluated."""
    cure = f"mlws agent eval {found.agent.name} --record, and commit {BASELINE}"
    path = found.folder / BASELINE
    if not path.is_file():
        yield Refusal("it has no baseline evaluation", cure)
        return
    try:
        commit = str(json.loads(path.read_text(encoding="utf-8"))["commit"])
    except (ValueError, KeyError, TypeError):
        yield Refusal(f"{BASELINE} cannot be read", cure)
        return
    git, inside = Git(place.root), place.layout.relative(found.folder)
    if git.commit_of(commit) is None:
        yield Refusal(f"{BASELINE} is of a commit that is not here ({commit[:12]})", cure)
        return
    # What the evaluation itself writes is no change of the agent.
    left_out = [f":(exclude){inside}/{name}" for name in WRITTEN]
    if not git.ok("diff", "--quiet", commit, "HEAD", "--", inside, *left_out):
        yield Refusal("it was changed since its baseline evaluation", cure)
