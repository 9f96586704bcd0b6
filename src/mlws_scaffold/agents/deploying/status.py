"""`mlws agent status`: what serves, what comes, how it is; asked of the target, not of git."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlws_scaffold.adapters.haproxy.runtime import Mark, ServerState
from mlws_scaffold.agents.deploying import journal as journals
from mlws_scaffold.agents.deploying import watch
from mlws_scaffold.agents.deploying.journal import Journal
from mlws_scaffold.agents.targets.target import Look, Release, Site, Target
from mlws_scaffold.agents.watching.thresholds import requests_needed, seconds_needed
from mlws_scaffold.errors import Unavailable

# Before all that any proxy can remember.
_EVER = Mark(0, 0)
# Seconds over which the present traffic is told.
_LATELY = 300.0


@dataclass(frozen=True, slots=True)
class Version:
    """One version: its role, what the proxy says of it, and whether it answers `/readyz`."""

    role: str
    release: Release
    server: ServerState | None
    ready: bool | None


@dataclass(frozen=True, slots=True)
class Needed:
    """What a verdict on a new version costs: chats, and seconds by the percent of a stage.

    per_second: chats at present, as the proxy saw them lately.
    """

    chats: int
    per_second: float
    seconds: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Status:
    """One agent in one environment. problem: why the target could not be asked."""

    site: Site
    journal: Journal
    versions: tuple[Version, ...]
    problem: str = ""
    needed: Needed | None = None

    @property
    def healthy(self) -> bool | None:
        """Whether what serves is ready; None when nothing serves or it cannot be told."""
        stable = [one.ready for one in self.versions if one.role == "stable"]
        return stable[0] if stable else None


def look(site: Site, target: Target) -> Status:
    """Ask a target. One that cannot be reached is a problem in the answer, no error."""
    try:
        journal = journals.parse(target.read())
    except Unavailable as error:
        return Status(site, Journal(), (), error.message)
    begun = journal.begun
    roles = [("stable", journal.stable), ("canary", begun.release if begun else None)]
    problem, servers, needed = "", {}, None
    if any(release for _, release in roles):
        try:
            seen = target.look(_EVER)
            servers = {one.slot: one for one in seen.servers}
            needed = _needed(site, seen)
        except Unavailable as error:
            problem = error.message
    versions = [
        Version(role, release, servers.get(release.slot), target.ready(release))
        for role, release in roles
        if release is not None
    ]
    if journal.previous is not None:
        versions.append(Version("previous", journal.previous, None, None))
    return Status(site, journal, tuple(versions), problem, needed)


def _needed(site: Site, seen: Look) -> Needed:
    deploy = site.place.config.deploy
    rules = watch.rules(site, deploy.stage_limit_seconds)
    chats = [one.at for one in seen.requests if one.method == "POST"]
    recent = [at for at in chats if at > time.time() - _LATELY]
    # The proxy remembers its last thousands of requests, which may be less than that long.
    span = min(_LATELY, max(1.0, time.time() - min(chats, default=0.0)))
    rate = len(recent) / span
    shares = [min(percent, journals.MOST_PERCENT) for percent in deploy.steps]
    times = {one: seconds_needed(rules, one / 100, rate) for one in shares}
    return Needed(requests_needed(rules), rate, times)


def document(status: Status) -> dict[str, Any]:
    """The status for machines, as the command's docstring has it."""
    journal, agent = status.journal, status.site.found.agent
    begun = journal.begun
    return {
        "agent": status.site.name,
        "environment": status.site.env,
        "problem": status.problem,
        "since": journal.since or None,
        "under_way": {
            "id": begun.id,
            "action": begun.kind,
            "step": begun.step,
            "percent": begun.percent,
            "abort": begun.abort,
        }
        if begun
        else None,
        "slo": agent.slo.model_dump() if agent.slo else None,
        "needed": _needed_document(status.needed),
        "versions": [_version(one) for one in status.versions],
    }


def _needed_document(needed: Needed | None) -> dict[str, Any] | None:
    if needed is None:
        return None
    times = {
        str(percent): None if math.isinf(seconds) else round(seconds)
        for percent, seconds in needed.seconds.items()
    }
    return {
        "chats": needed.chats,
        "per_second": round(needed.per_second, 2),
        "seconds": times,
    }


def _version(one: Version) -> dict[str, Any]:
    release, server = one.release, one.server
    return {
        "role": one.role,
        "version": release.version,
        "digest": release.digest,
        "commit": release.commit,
        "slot": release.slot,
        "ready": one.ready,
        "weight": server.weight if server else None,
        "busy": server.current if server else None,
        "status": server.status if server else None,
        "requests": server.total if server else None,
        "errors": server.server_errors if server else None,
    }
