"""Asks the cases, each as often as it says, and holds the answers against what is expected."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters import children
from mlws_scaffold.adapters.schema import listed
from mlws_scaffold.agents.evaluation.cases import Case, Cases, Expect
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.workspace import expectations
from mlws_scaffold.workspace.expectations import Plain

PATTERN_SECONDS = 10.0  # the start of Python included
# In a child, which can be killed: a pattern may never end. Tells the numbers of those not found.
_SEARCH = """\
import json, re, sys
task = json.load(open(sys.argv[1], encoding="utf-8"))
lost = [n for n, p in enumerate(task["patterns"]) if not re.search(p, task["text"])]
json.dump(lost, sys.stdout)
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an agent said, and the seconds until it was whole. failure: why it said nothing."""

    text: str
    seconds: float
    failure: str = ""


Ask = Callable[[Case, int], Answer]
"""Asks one case with one seed. Raises Unavailable when nobody can be asked."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of a case. It passed when nothing failed; the score is None without references."""

    seed: int
    answer: Answer
    failures: tuple[str, ...]
    score: float | None


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a case."""

    case: Case
    attempts: tuple[Attempt, ...]

    @property
    def passed(self) -> int:
        return sum(not attempt.failures for attempt in self.attempts)

    @property
    def holds(self) -> bool:
        return self.passed >= self.case.needed

    @property
    def score(self) -> float | None:
        """Mean of the attempts' scores; None for a case without references."""
        known = [attempt.score for attempt in self.attempts if attempt.score is not None]
        return round(sum(known) / len(known), 4) if known else None


def run(cases: Cases, ask: Ask) -> Iterator[Tried]:
    """Ask each case with each of its seeds. Raises Unavailable when that cannot go on."""
    for case in cases.cases:
        yield Tried(case, tuple(_attempt(cases, case, seed, ask) for seed in case.seeds))


def total(tried: list[Tried]) -> float:
    """One figure for all: the mean of the scores; the share of passes where there is none."""
    each = [one.passed / one.case.runs if one.score is None else one.score for one in tried]
    return round(sum(each) / len(each), 4)


def failures(expect: Expect, answer: Answer, refusals: tuple[str, ...] = ()) -> Iterator[str]:
    """Everything that is not as expected; nothing when all is."""
    plain = Plain(
        listed(expect.contains),
        listed(expect.not_contains),
        expect.exact,
        expect.refuses,
        expect.max_characters,
        refusals,
    )
    yield from expectations.failures(plain, answer.text)
    if expect.as_json is not None:
        yield from expectations.json_failures(expect.as_json, answer.text)
    if expect.max_seconds is not None and answer.seconds > expect.max_seconds:
        yield f"took {answer.seconds:.1f} s, more than {expect.max_seconds:g} s"
    yield from unmatched(listed(expect.regex), answer.text)


def unmatched(
    patterns: tuple[str, ...], text: str, seconds: float = PATTERN_SECONDS
) -> Iterator[str]:
    """The patterns that are found nowhere in the text. One that takes too long is a failure."""
    if not patterns:
        return
    with tempfile.TemporaryDirectory(prefix="mlws-eval-") as scratch:
        task = Path(scratch, "task.json")
        task.write_text(json.dumps({"patterns": patterns, "text": text}), encoding="utf-8")
        command = (sys.executable, "-I", "-S", "-c", _SEARCH, str(task))
        try:
            done = children.ask(command, Path(scratch), os.environ, timeout=seconds)
        except children.TooSlow:
            shown = ", ".join(repr(pattern) for pattern in patterns)
            yield f"the search for {shown} did not end within {seconds:g} s"
            return
    if done.status:
        raise MlwsError(f"a pattern could not be searched: {done.said}")
    yield from (f"does not match {patterns[number]!r}" for number in json.loads(done.output))


def _attempt(cases: Cases, case: Case, seed: int, ask: Ask) -> Attempt:
    said = ask(case, seed)
    # What is no text cannot be written down; a model may well emit half a sign.
    answer = Answer(said.text.encode("utf-8", "replace").decode(), said.seconds, said.failure)
    if answer.failure:
        return Attempt(seed, answer, (answer.failure,), 0.0 if case.references else None)
    score = expectations.overlap(answer.text, case.references) if case.references else None
    found = tuple(failures(case.expect, answer, cases.refusals)) if case.expect else ()
    return Attempt(seed, answer, found, score)
