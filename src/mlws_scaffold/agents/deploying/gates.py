"""What must be proved of a version before it may be deployed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mlws_scaffold.agents import evidence
from mlws_scaffold.agents.targets.target import Release, Site
from mlws_scaffold.errors import MlwsError


@dataclass(frozen=True, slots=True)
class LiveModel:
    """The version of a model that is in production, and its digest (empty where none is kept)."""

    version: str
    digest: str


Live = Callable[[str], LiveModel | None]
"""The live version of a model by its key in the registry; None when none is in production."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition: whether it holds, and what was looked at."""

    name: str
    ok: bool
    said: str
    cure: str = ""


def judge(site: Site, release: Release, live: LiveModel | None) -> list[Gate]:
    """All gates of a release: tests and evaluation of exactly its commit, and a live model."""
    return [_tests(site, release), _behaviour(site, release, live), _model(release, live)]


def require(gates: list[Gate]) -> None:
    """Raise MlwsError with each gate that does not hold."""
    failed = [gate for gate in gates if not gate.ok]
    if failed:
        said = "; ".join(f"{gate.name}: {gate.said}" for gate in failed)
        raise MlwsError(f"it may not be deployed: {said}", "; ".join(gate.cure for gate in failed))


def _tests(site: Site, release: Release) -> Gate:
    found = evidence.read(site.place, site.found, "test", release.commit)
    return _of("test", found, release, f"mlws agent test {site.name}")


def _behaviour(site: Site, release: Release, live: LiveModel | None) -> Gate:
    found = evidence.read(site.place, site.found, "eval", release.commit)
    cure = f"mlws agent eval {site.name} --live"
    gate = _of("eval", found, release, cure)
    if found is None or not gate.ok:
        return gate
    if found.get("fake"):
        return Gate("eval", False, "a stand-in answered, not a model", cure)
    tried, wanted = _bare(found.get("digest")), _bare(live.digest if live else "")
    if tried and wanted and tried != wanted:
        said = f"answered by {tried[:12]}, while {wanted[:12]} is in production"
        return Gate("eval", False, said, cure)
    return gate


def _model(release: Release, live: LiveModel | None) -> Gate:
    if live is None:
        said = f"no version of {release.model} is in production"
        return Gate("model", False, said, f"mlws model promote {release.model} --to production")
    return Gate("model", True, f"{release.model} {live.version} {live.digest}".rstrip())


def _of(kind: str, found: Mapping[str, Any] | None, release: Release, cure: str) -> Gate:
    commit = release.commit[:12]
    if found is None:
        return Gate(kind, False, f"nothing is proved of commit {commit}", cure)
    if not found.get("ok"):
        return Gate(kind, False, f"failed at {found.get('at')} for commit {commit}", cure)
    return Gate(kind, True, f"passed at {found.get('at')} for commit {commit}")


def _bare(digest: object) -> str:
    return str(digest or "").removeprefix("sha256:")
