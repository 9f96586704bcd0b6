"""What a promotion is asked, what it works on, and what a gate says. Plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from mlws_scaffold.adapters import ollama
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.models.lifecycle.expectations import Reply
from mlws_scaffold.models.lifecycle.history import Evidence, Record
from mlws_scaffold.models.modelfile import Recipe
from mlws_scaffold.models.registry import Model, Registry, Status
from mlws_scaffold.workspace.config import Workspace
from mlws_scaffold.workspace.layout import Layout

Watch = Callable[[str], None]
"""Told of each step as it begins."""


class Prompts(Protocol):
    """Which prompts a benchmark used."""

    @property
    def sha256(self) -> str: ...


class Report(Protocol):
    """What a gate reads of a benchmark: times in seconds, the instant, the server, the digest."""

    @property
    def version(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def host(self) -> str: ...
    @property
    def prompts(self) -> Prompts: ...
    @property
    def concurrency(self) -> int: ...
    @property
    def latency_p50(self) -> float | None: ...
    @property
    def latency_p95(self) -> float | None: ...
    @property
    def tokens_per_second(self) -> float | None: ...


Agent = Callable[[Sequence[Mapping[str, str]], int], Reply]
"""Answers a conversation, with a seed. Raises trials.NoAnswer, or Unavailable."""
Serve = Callable[[str, str, str], AbstractContextManager[Agent]]
"""Serves an agent (its name) with a model (address of the server, name there) while it is asked."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What other rooms do for a promotion.

    agents: the names of the agents that name a model's key. serve: None where no agent can be
    served here. benchmark: the last report of a version.
    """

    agents: Callable[[str], Sequence[str]]
    benchmark: Callable[[Layout, str, str], Report | None]
    serve: Serve | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """Who wants which model to be moved where, and why. `researcher` may be empty."""

    place: Workspace
    environment: Mapping[str, str]
    key: str
    to: str
    reason: str = ""
    researcher: str = ""
    dry: bool = False
    watch: Watch = lambda _: None


@dataclass(frozen=True, slots=True)
class Context:
    """A request resolved against the files and the server of the stage; what gates look at.

    host: empty for a move that needs no server. records: of this model, oldest first. recipe: None
    for a model that is pulled. remarks: what is doubtful about the request itself.
    """

    request: Request
    tools: Tools
    registry: Registry
    model: Model
    records: tuple[Record, ...]
    actor: str
    old: Status
    new: Status
    now: datetime
    host: str = ""
    held: Mapping[str, ollama.Held] = field(default_factory=dict)
    recipe: Recipe | None = None
    remarks: tuple[str, ...] = ()

    @property
    def place(self) -> Workspace:
        return self.request.place

    @property
    def layout(self) -> Layout:
        return self.request.place.layout

    @property
    def key(self) -> str:
        return self.request.key

    @property
    def version(self) -> str:
        return str(self.model.version or "")

    @property
    def name(self) -> str:
        """The model's name on the server, where it is built or pulled."""
        return self.model.name_in_ollama(self.key)

    @property
    def digest(self) -> str:
        """Of the model on the server (64 hex digits); empty when it is not there."""
        return self.digest_of(self.name)

    def digest_of(self, name: str) -> str:
        found = self.held.get(ollama.full_name(name))
        return found.digest if found else ""


Result = Literal["pass", "fail", "not applicable"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a gate says: the lines a person reads, and the evidence that the history keeps."""

    result: Result
    output: tuple[str, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)


Gate = Callable[[Context], Verdict]


@dataclass(frozen=True, slots=True)
class GateResult:
    """A gate that was asked, and how long it took."""

    name: str
    result: Result
    seconds: float
    evidence: Mapping[str, Any]
    output: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return self.result != "fail"

    def record(self) -> Evidence:
        """As the history keeps it."""
        return Evidence(
            name=self.name,
            result=self.result,
            seconds=round(self.seconds, 3),
            evidence=dict(self.evidence),
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended. error: what stopped it other than a gate. done: what was changed, in words."""

    key: str
    version: str
    old: str
    new: str
    host: str = ""
    gates: tuple[GateResult, ...] = ()
    done: tuple[str, ...] = ()
    error: MlwsError | None = None
    remarks: tuple[str, ...] = ()
    dry: bool = False

    @property
    def ok(self) -> bool:
        return self.error is None and all(gate.ok for gate in self.gates)


def passed(*output: str, **evidence: Any) -> Verdict:
    return Verdict("pass", output, evidence)


def failed(*output: str, **evidence: Any) -> Verdict:
    return Verdict("fail", output, evidence)


def skipped(why: str) -> Verdict:
    """The gate has nothing to judge here."""
    return Verdict("not applicable", (why,))
