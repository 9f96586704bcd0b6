"""One deployment while it is worked on: its journal, and who is asked what."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mlws_scaffold.agents.deploying import journal as journals
from mlws_scaffold.agents.deploying.gates import Live
from mlws_scaffold.agents.deploying.journal import Begun, Journal
from mlws_scaffold.agents.targets.target import Site, Target
from mlws_scaffold.errors import MlwsError


@dataclass(frozen=True, slots=True)
class Ways:
    """What others know. `live`: of the models; actor: who deploys."""

    live: Live
    actor: str


class Refused(MlwsError):
    """The new version may not go on; `numbers` is what was measured of it."""

    def __init__(self, reason: str, numbers: dict[str, Any] | None = None) -> None:
        super().__init__(reason)
        self.numbers = numbers or {}


@dataclass(slots=True)
class Work:
    """The journal is only changed through `keep` and `put`, which write it first."""

    site: Site
    target: Target
    ways: Ways
    journal: Journal

    @property
    def begun(self) -> Begun:
        if self.journal.begun is None:
            raise MlwsError(f"nothing is being deployed of {self.site.name}")
        return self.journal.begun

    def keep(self, **changes: Any) -> None:
        """Change the deployment in the journal, durably, before it is acted upon."""
        self.put(
            dataclasses.replace(self.journal, begun=dataclasses.replace(self.begun, **changes))
        )

    def put(self, journal: Journal) -> None:
        self.target.write(journals.text(journal))
        self.journal = journal


def now() -> str:
    """This instant as records have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def wait(condition: Callable[[], bool], seconds: float, pause: float = 0.05) -> bool:
    """Whether the condition came true in its time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True
