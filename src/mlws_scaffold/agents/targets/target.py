"""What a place that agents are deployed to can do, and the values that are told to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from mlws_scaffold.adapters.haproxy.requests import Request
from mlws_scaffold.adapters.haproxy.runtime import Mark, ServerState
from mlws_scaffold.agents.catalog import Found
from mlws_scaffold.agents.watching.counters import Counters
from mlws_scaffold.workspace.config import Stage, Workspace

Say = Callable[[str], None]
Environment = Literal["staging", "production"]


@dataclass(frozen=True, slots=True)
class Site:
    """An agent and the environment that it is deployed to; `say` is told what takes a while."""

    place: Workspace
    found: Found
    env: Environment
    variables: Mapping[str, str]
    say: Say

    @property
    def name(self) -> str:
        return self.found.folder.name

    @property
    def stage(self) -> Stage:
        """`[deploy.<env>]` of mlws.toml."""
        deploy = self.place.config.deploy
        return deploy.staging if self.env == "staging" else deploy.production


@dataclass(frozen=True, slots=True)
class Wish:
    """Which version is wanted; an empty one is that of the work tree. build: made here first."""

    version: str = ""
    build: bool = False


@dataclass(frozen=True, slots=True)
class Release:
    """One version as a target runs it. digest: of the image, or of the tree it is made of.

    slot and port: where it runs; empty until the target gave it a place.
    """

    version: str
    commit: str
    digest: str
    model: str = ""
    model_digest: str = ""
    slot: str = ""
    port: int = 0


@dataclass(frozen=True, slots=True)
class Shares:
    """Who gets how much: `percent` of new requests go to `newer`, all others to `older`.

    Whoever gets nothing is drained: what it is answering, it answers to the end.
    """

    older: Release | None
    newer: Release | None
    percent: int


@dataclass(frozen=True, slots=True)
class Look:
    """What the proxy saw: requests that ended, and the servers as they are now."""

    requests: tuple[Request, ...] = ()
    servers: tuple[ServerState, ...] = ()


class Target(Protocol):
    """Every method may be repeated: what is done already stays as it is.

    All raise Unavailable when the place cannot be reached, and MlwsError when it refuses.
    """

    @property
    def shifts(self) -> bool:
        """Whether shares are moved from here; else the place moves and watches by itself."""

    def require(self) -> None:
        """Raise UsageError or Unavailable unless the place can be deployed to."""

    def alone(self, *, wait: bool) -> AbstractContextManager[None]:
        """One deployer at a time. Raises BlockingIOError when another works and `wait` is not."""

    def read(self) -> str | None:
        """The journal that lies beside the proxy; None before the first deployment."""

    def write(self, journal: str) -> None:
        """Replace the journal, durably."""

    def backup(self, label: str) -> str:
        """Keep journal and proxy configuration as they are; returns where."""

    def find(self, wish: Wish) -> Release:
        """The version with its commit and digest; nothing is changed by looking."""

    def make(self, release: Release, wish: Wish) -> Release:
        """It is there to be started, built or fetched; its digest may only be known now."""

    def preview(self, release: Release) -> str:
        """What `start` would hand over, where that is a text for people to read; else nothing."""

    def put(self, release: Release, beside: Release | None) -> Release:
        """The same release with a place of its own."""

    def open(self, shares: Shares) -> None:
        """The proxy runs, with these shares."""

    def start(self, release: Release) -> None:
        """It runs, and the proxy knows where; no request reaches it yet."""

    def alive(self, release: Release) -> bool:
        """Whether it runs and never had to be started again."""

    def ready(self, release: Release) -> bool:
        """Whether its `/readyz` says so, asked past the proxy."""

    def smoke(self, release: Release) -> str:
        """Ask it past the proxy by the agent's own smoke test; returns what does not work."""

    def follow(self, release: Release, seconds: float) -> str:
        """Where the place shifts by itself: wait for its end; why it refused, or nothing."""

    def share(self, shares: Shares) -> None:
        """Move the shares: who gains first, so that somebody always answers."""

    def busy(self, release: Release) -> int:
        """How many requests it is answering."""

    def stop(self, release: Release) -> None:
        """End it and close its place; what runs there before is not cut until its grace is over."""

    def servers(self) -> tuple[ServerState, ...]:
        """The proxy's servers as they are now."""

    def mark(self) -> Mark:
        """This moment, for `look`."""

    def look(self, since: Mark) -> Look:
        """What the proxy saw of the requests that began after a moment."""

    def counters(self, release: Release) -> Counters | None:
        """What the release counted itself; None when it does not say."""

    def explain(self, release: Release) -> str:
        """The last words of a release that does not work."""
