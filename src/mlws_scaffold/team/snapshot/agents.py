"""Agents: what is declared, what was deployed, what serves, and how long it was up.

A list of {name, track, version, model, owner, slo, deployments, status, uptime, why}. `version`
serves production; null where nothing does. deployments: the lines of deployments.jsonl, oldest
first. status: {versions (by role: stable, canary, previous), weights
(percent by version), traffic ({requests, errors} by version), health (true, false, null)} of
production as its target says, or null; uptime: the
share of the period, from [reports] prometheus, or null; `why` says why not, for each.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from mlws_scaffold.agents import catalog
from mlws_scaffold.agents.catalog import Found
from mlws_scaffold.agents.deploying import ledger
from mlws_scaffold.agents.deploying import status as looking
from mlws_scaffold.agents.targets import table
from mlws_scaffold.agents.targets.target import Site
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.team.snapshot import uptime
from mlws_scaffold.team.snapshot.period import Period
from mlws_scaffold.team.snapshot.section import Section
from mlws_scaffold.workspace.config import Workspace

NAME = "agents"
SOURCE = "agent.yaml and deployments.jsonl; the target of [deploy]; [reports] prometheus"
EMPTY: list[object] = []


def collect(place: Workspace, period: Period) -> Section:
    """Every agent, prototypes first. One whose agent.yaml is broken becomes a note."""
    found, problems = catalog.every(place.layout)
    rows = [_row(place, period, one) for one in found]
    return Section(NAME, SOURCE, rows, notes=[f"left out: {problem}" for problem in problems])


def _row(place: Workspace, period: Period, one: Found) -> dict[str, Any]:
    agent = one.agent
    row: dict[str, Any] = {
        "name": agent.name,
        "track": one.track,
        "version": None,
        "model": agent.model,
        "owner": agent.owner,
        "slo": agent.slo.model_dump(mode="json") if agent.slo else None,
        "deployments": [],
        "status": None,
        "uptime": None,
        "why": {"status": "a prototype is not deployed", "uptime": "a prototype is not deployed"},
    }
    if one.track == "prototype":
        return row
    site = Site(place, one, "production", os.environ, _unsaid)
    why: dict[str, str] = {}
    row["why"] = why
    try:
        row["deployments"] = [dict(record) for record in ledger.load(site)]
    except MlwsError as error:
        why["deployments"] = error.message
    row["version"] = _serving(row["deployments"])
    status, why["status"] = _status(site, bool(row["deployments"]))
    row["status"] = status
    if status and (stable := status["versions"].get("stable")):
        row["version"] = stable
    row["uptime"], why["uptime"] = uptime.of(place, period, agent.name)
    row["why"] = {name: " ".join(said.split()) for name, said in why.items()}
    return row


def _serving(records: list[dict[str, Any]]) -> str | None:
    """The version that the last deployment to production left there."""
    ended = [one for one in records if one.get("environment") == "production"]
    good = [one for one in ended if one.get("result") == "done"]
    return str(good[-1].get("version")) if good else None


def _status(site: Site, deployed: bool) -> tuple[Mapping[str, Any] | None, str]:
    if not deployed:
        return None, "never deployed, as far as deployments.jsonl tells"
    try:
        seen = looking.look(site, table.target(site))
    except MlwsError as error:
        return None, error.message
    if seen.problem or not seen.versions:
        return None, seen.problem or "nothing serves, as far as this machine's target knows"
    return {
        "versions": {one.role: one.release.version for one in seen.versions},
        "weights": {
            one.release.version: one.server.weight
            for one in seen.versions
            if one.server is not None
        },
        "traffic": {
            one.release.version: {
                "requests": one.server.total,
                "errors": one.server.server_errors,
            }
            for one in seen.versions
            if one.server is not None
        },
        "health": seen.healthy,
    }, ""


def _unsaid(_text: str) -> None:
    """A report has nobody to tell of what takes a while."""
