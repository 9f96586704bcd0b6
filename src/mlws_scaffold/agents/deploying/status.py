"""`mlws agent status`: what serves, what comes, how it is; asked of the target, not of git."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlws_scaffold.adapters.haproxy.runtime import ServerState
from mlws_scaffold.agents.deploying import journal as journals
from mlws_scaffold.agents.deploying.journal import Journal
from mlws_scaffold.agents.targets.target import Release, Site, Target
from mlws_scaffold.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Version:
    """One version: its role, what the proxy says of it, and whether it answers `/readyz`."""

    role: str
    release: Release
    server: ServerState | None
    ready: bool | None


@dataclass(frozen=True, slots=True)
class Status:
    """One agent in one environment. problem: why the target could not be asked."""

    site: Site
    journal: Journal
    versions: tuple[Version, ...]
    problem: str = ""

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
    problem, servers = "", {}
    if any(release for _, release in roles):
        try:
            servers = {one.slot: one for one in target.servers()}
        except Unavailable as error:
            problem = error.message
    versions = [
        Version(role, release, servers.get(release.slot), target.ready(release))
        for role, release in roles
        if release is not None
    ]
    if journal.previous is not None:
        versions.append(Version("previous", journal.previous, None, None))
    return Status(site, journal, tuple(versions), problem)


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
        "needed": None,
        "versions": [_version(one) for one in status.versions],
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
