"""What became of a sync."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlws_scaffold.models.sync.decide import Step
from mlws_scaffold.models.sync.order import Wish
from mlws_scaffold.models.sync.plan import Summary
from mlws_scaffold.models.sync.prune import Leftover

Outcome = Literal[
    "up to date",
    "adopted",
    "pulled",
    "built",
    "copied",
    "removed",
    "cloud",
    "not buildable",
    "drifted",
    "changed outside",
    "skipped",
    "failed",
]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one name. `cure` is empty where nothing is left to do.

    key: of the registry's entry; empty for a base without one. is_alias: the key as a second name.
    """

    key: str
    name: str
    state: Outcome
    ok: bool
    detail: str = ""
    cure: str = ""
    is_alias: bool = False

    @property
    def title(self) -> str:
        return self.key or self.name

    @property
    def is_silent(self) -> bool:
        """A second name of a model that is as it should be is worth no line."""
        return self.state == "up to date" and self.is_alias

    @property
    def changed(self) -> bool:
        """Whether the server holds something else than before."""
        return self.state in ("pulled", "built", "copied", "removed")


@dataclass(frozen=True, slots=True)
class Report:
    """Results in the order of the work; remarks; whether the lock file was written.

    leftovers: what nobody asks for any more. doubt: why that cannot be told, and nothing may go.
    """

    host: str
    results: tuple[Result, ...]
    notes: tuple[str, ...] = ()
    lock_changed: bool = False
    leftovers: tuple[Leftover, ...] = ()
    doubt: str = ""

    @property
    def ok(self) -> bool:
        return all(result.ok for result in self.results)

    @property
    def summary(self) -> Summary | None:
        """What is open, one part for each model; None when nothing is."""
        first: dict[str, Result] = {}
        for result in self.results:
            if not result.ok or result.state == "not buildable":
                first.setdefault(result.title, result)
        if not first:
            return None
        text = "; ".join(f"{title}: {result.detail}" for title, result in first.items())
        one, *others = first.values()
        cure = "mlws model sync" if others else one.cure
        return Summary(text, cure, not self.ok)


def left(step: Step) -> Result:
    """The result of a step that is not acted on."""
    state: Outcome = "skipped"
    if step.state in ("up to date", "cloud", "not buildable", "drifted", "changed outside"):
        state = step.state
    return _of(step.wish, state, step.settled, step.reason, step.cure)


def failed(wish: Wish, detail: str, cure: str = "") -> Result:
    return _of(wish, "failed", False, detail, cure)


def skipped(wish: Wish, detail: str, cure: str = "") -> Result:
    return _of(wish, "skipped", False, detail, cure)


def done(wish: Wish, state: Outcome, detail: str = "") -> Result:
    return _of(wish, state, True, detail, "")


def _of(wish: Wish, state: Outcome, ok: bool, detail: str, cure: str) -> Result:
    return Result(wish.key, wish.name, state, ok, detail, cure, is_alias=wish.kind == "copy")
