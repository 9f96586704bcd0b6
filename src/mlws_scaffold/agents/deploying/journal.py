"""What a deployment is about to do, written beside the proxy before it is done.

The journal is the truth about a target: which version serves, which comes, which was before. Every
step is repeatable, so whoever finds the journal of a killed deployer goes on at its step.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mlws_scaffold.adapters.haproxy.runtime import Mark
from mlws_scaffold.agents.targets.target import Release, Shares
from mlws_scaffold.errors import MlwsError

_VERSION = 1
IDLE = "idle"
# The last stage leaves one request of a hundred to the old version: whoever dies has somebody to
# stand in. All of it is given with the commit.
MOST_PERCENT = 99

Kind = Literal["deploy", "rollback"]


@dataclass(frozen=True, slots=True)
class Begun:
    """A deployment: what it is, who began it and when, its stages in percent, their limit.

    step and stage: what is being done. abort: why it is taken back; empty while it goes forward.
    started, began: when it began, and this stage's requests to be counted (seconds since 1970).
    """

    id: str
    kind: Kind
    at: str
    by: str
    reason: str
    started: float
    release: Release
    stages: tuple[int, ...]
    limit: float
    gates: Mapping[str, str] = dataclasses.field(default_factory=dict)
    step: str = ""
    stage: int = 0
    began: float = 0.0
    mark: Mark | None = None
    measured: tuple[Mapping[str, Any], ...] = ()
    abort: str = ""
    committed: bool = False

    @property
    def percent(self) -> int:
        """The share that the new version has in the present stage."""
        return min(self.stages[self.stage], MOST_PERCENT) if self.stage < len(self.stages) else 100


@dataclass(frozen=True, slots=True)
class Journal:
    """A target: the version that serves (since when), the one before it, what is under way."""

    stable: Release | None = None
    since: str = ""
    previous: Release | None = None
    begun: Begun | None = None
    records: tuple[Mapping[str, Any], ...] = ()

    def shares(self, percent: int) -> Shares:
        """The shares with that much for the new version."""
        newer = self.begun.release if self.begun else None
        if self.stable is None:
            return Shares(None, newer, percent)
        return Shares(self.stable, newer, percent)


def text(journal: Journal) -> str:
    """The journal as a file."""
    return json.dumps({"version": _VERSION, **dataclasses.asdict(journal)}, indent=1) + "\n"


def parse(said: str | None) -> Journal:
    """The journal from a file; an empty one without. Raises MlwsError when it is broken."""
    if said is None:
        return Journal()
    try:
        data = json.loads(said)
        if data["version"] != _VERSION:
            raise ValueError(f"version {data['version']}")
        return Journal(
            stable=_release(data["stable"]),
            since=str(data["since"]),
            previous=_release(data["previous"]),
            begun=_begun(data["begun"]),
            records=tuple(data["records"]),
        )
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise MlwsError(
            f"the journal of the target cannot be read: {error}",
            "bring back the newest one from its folder backup",
        ) from None


def _release(data: Mapping[str, Any] | None) -> Release | None:
    return Release(**data) if data is not None else None


def _begun(data: Mapping[str, Any] | None) -> Begun | None:
    if data is None:
        return None
    release = Release(**data["release"])
    mark = Mark(**data["mark"]) if data["mark"] else None
    own = {"release": release, "mark": mark, "stages": tuple(data["stages"])}
    return Begun(**{**data, **own, "measured": tuple(data["measured"])})
