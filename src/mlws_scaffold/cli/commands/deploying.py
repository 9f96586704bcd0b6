"""What the commands that deploy have in common: whom they ask, and how they show an outcome."""

from __future__ import annotations

import os

from mlws_scaffold.agents import catalog
from mlws_scaffold.agents.deploying import who
from mlws_scaffold.agents.deploying.deploy import Outcome
from mlws_scaffold.agents.deploying.gates import LiveModel
from mlws_scaffold.agents.deploying.work import Ways
from mlws_scaffold.agents.targets.target import Environment, Site
from mlws_scaffold.cli import output
from mlws_scaffold.models import registry
from mlws_scaffold.workspace.config import Workspace


def site(here: Workspace, name: str, env: Environment) -> Site:
    """The agent of a name, in an environment."""
    return Site(here, catalog.find(here.layout, name), env, os.environ, output.note)


def ways(at: Site, researcher: str = "") -> Ways:
    """The registry of models is asked for what is live."""
    return Ways(lambda key: _live(at.place, key), who.acts(at, researcher))


def show(at: Site, outcome: Outcome, as_json: bool, *, wanted: str = "done") -> int:
    """Print an outcome; returns the exit code: 0 when it is the `wanted` one, or nothing to do."""
    status = int(outcome.result not in (wanted, "nothing"))
    stable = outcome.stable.version if outcome.stable else None
    if as_json:
        output.json_document(
            {
                "agent": at.name,
                "environment": at.env,
                "result": outcome.result,
                "reason": outcome.reason,
                "stable": stable,
                "record": outcome.record,
            }
        )
        return status
    if outcome.result == "done":
        output.line(f"{at.name} {stable} serves all of {at.env}")
    elif outcome.result == "nothing":
        output.line(f"{outcome.reason}; {at.name} {stable or '(nothing)'} serves {at.env}")
    else:
        output.line(f"{at.name}: taken back, {stable or 'nothing'} serves {at.env} as before")
        output.line(f"  why  {outcome.reason}")
        output.line(f"  next mlws agent history {at.name} has what was measured")
    return status


def _live(here: Workspace, key: str) -> LiveModel | None:
    model = registry.load(here.layout).models.get(key)
    if model is None or model.live is None:
        return None
    return LiveModel(model.live.version, model.live.digest or "")
