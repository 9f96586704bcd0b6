"""Asks the cases, each as often as it says, and keeps what was answered."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from mlws_scaffold.models.lifecycle.cases import Case
from mlws_scaffold.models.lifecycle.expectations import Judge, Reply

# Characters of an answer that are kept; the hash tells whether the rest was the same.
_KEPT = 400


class NoAnswer(Exception):
    """The model gave no whole answer although its server is there. The words say why."""


Ask = Callable[[Case, int], Reply]
"""Asks one case with one seed. Raises NoAnswer, or Unavailable when nobody can be asked."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of a case. It is right when nothing failed."""

    seed: int
    answer: str
    seconds: float
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a case."""

    case: Case
    attempts: tuple[Attempt, ...]

    @property
    def right(self) -> int:
        return sum(not attempt.failures for attempt in self.attempts)

    @property
    def ok(self) -> bool:
        return self.right >= self.case.needed

    def lines(self) -> Iterator[str]:
        """What a person wants to see of a case that failed."""
        count = f"{self.right} of {self.case.runs} right, {self.case.needed} needed"
        yield f"{self.case.name}: {count}"
        for attempt in self.attempts:
            if attempt.failures:
                yield f"  seed {attempt.seed}: {'; '.join(attempt.failures)}"
                yield f"    answered: {_clip(attempt.answer)!r}"

    def evidence(self) -> dict[str, Any]:
        """The same for the history."""
        return {
            "name": self.case.name,
            "right": self.right,
            "runs": self.case.runs,
            "needed": self.case.needed,
            "attempts": [_kept(attempt) for attempt in self.attempts],
        }


def run(cases: Iterable[Case], ask: Ask, judge: Judge) -> Iterator[Tried]:
    """Ask each case with each of its seeds. Raises Unavailable when that cannot go on."""
    for case in cases:
        yield Tried(case, tuple(_attempt(case, seed, ask, judge) for seed in case.seeds))


def _attempt(case: Case, seed: int, ask: Ask, judge: Judge) -> Attempt:
    try:
        reply = ask(case, seed)
    except NoAnswer as error:
        return Attempt(seed, "", 0.0, (str(error),))
    # What is no text cannot be written down; a model may well emit half a sign.
    text = reply.text.encode("utf-8", "replace").decode("utf-8")
    reply = Reply(text, reply.seconds)
    return Attempt(seed, text, reply.seconds, tuple(judge.failures(case, reply)))


def _kept(attempt: Attempt) -> dict[str, Any]:
    kept: dict[str, Any] = {
        "seed": attempt.seed,
        "seconds": round(attempt.seconds, 3),
        "answer": _clip(attempt.answer),
        "sha256": hashlib.sha256(attempt.answer.encode()).hexdigest(),
    }
    if attempt.failures:
        kept["failures"] = list(attempt.failures)
    return kept


def _clip(text: str) -> str:
    return text if len(text) <= _KEPT else f"{text[:_KEPT]}…"
